import Basics

/// Metrics of the public listener's connections, which share the process's open-file limit.
enum ListenerMetrics {
    static func collect(_ budget: DescriptorBudget, into exposition: inout MetricsExposition) {
        let use = budget.use
        exposition.gauge("causeway_listener_connections", help: "Connections of the public listener, streams included.", use.held)
        exposition.gauge("causeway_listener_max_connections", help: "Maximum number of them within the open-file limit.", budget.limit)
        exposition.counter(
            "causeway_listener_evictions_total",
            help: "Connections without an accepted request that were closed in favour of a new one.",
            use.closed
        )
        exposition.counter(
            "causeway_listener_refusals_total",
            help: "Connections closed at once, because all others had an accepted request or a stream.",
            use.refused
        )
    }
}
