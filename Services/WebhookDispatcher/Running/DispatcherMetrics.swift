import Basics
import ServiceKit
import Webhooks

/// The dispatcher's metrics. None has a label for each tenant or endpoint; ``TenantMetrics`` names the largest tenants.
enum DispatcherMetrics {
    /// Adds the metrics, for the rest of the process's lifetime.
    static func observe(_ parts: DispatcherParts, _ figures: FiguresWatch, in metrics: PrometheusMetrics) {
        FeedMetrics.observe(parts.dispatcher.feed, in: metrics)
        metrics.addCollector { exposition in
            collect(figures.latest.figures, into: &exposition)
            let view = parts.membership.view
            exposition.gauge("causeway_webhook_members", help: "Dispatchers that are alive, as this one hears.", view.members.count)
            exposition.gauge(
                "causeway_webhook_may_start",
                help: "Whether this dispatcher hears the others and itself, so that it may start attempts: 1 or 0.",
                view.mayStart ? 1 : 0
            )
            exposition.gauge("causeway_webhook_attempts_under_way", help: "Attempts under way.", parts.sender.attemptCount)
            exposition.gauge(
                "causeway_webhook_idle_connections",
                help: "Connections to receivers that are kept for the next delivery.",
                parts.sender.idleConnectionCount
            )
            exposition.gauge(
                "causeway_webhook_journal_waiting",
                help: "Attempts that are not in the journal yet.",
                parts.journal.pendingCount
            )
            exposition.counter(
                "causeway_webhook_journal_dropped_total",
                help: "Attempts that are missing in the journal, because the bus did not take them in time.",
                parts.journal.droppedCount
            )
        }
    }

    private static func collect(_ figures: DispatcherFigures, into exposition: inout MetricsExposition) {
        for (state, count) in figures.states.merging(states, uniquingKeysWith: { count, _ in count }) {
            exposition.gauge(
                "causeway_webhook_endpoints",
                help: "Endpoints that this dispatcher is chosen for, by state.",
                count,
                labels: [("state", state)]
            )
        }
        exposition.gauge("causeway_webhook_driven_endpoints", help: "Of these, those that have something to send.", figures.driven)
        exposition.gauge("causeway_webhook_held_bytes", help: "Bytes of messages that wait or are under way.", figures.heldBytes)
        for (outcome, count) in figures.attempts.merging([delivered: 0], uniquingKeysWith: { count, _ in count }) {
            exposition.counter("causeway_webhook_attempts_total", help: "Attempts, by outcome.", count, labels: [("outcome", outcome)])
        }
        exposition.gauge(
            "causeway_webhook_lag_seconds",
            help: "Age of the oldest event that an endpoint of this dispatcher has not taken.",
            Double(figures.lag.milliseconds) / 1000
        )
        exposition.counter(
            "causeway_webhook_disabled_total",
            help: "Endpoints that were disabled because they failed for too long, or answered 410.",
            figures.disablings
        )
    }

    /// Series that exist before the first endpoint and the first attempt, so that their increase is seen.
    private static let states = ["pending": 0, "enabled": 0, "failing": 0, "disabled": 0]
    private static let delivered = "delivered"
}
