/// Metrics of the export of spans.
enum SpanMetrics {
    /// - Parameter queue: Nil without a collector.
    static func collect(_ queue: SpanQueue?, into exposition: inout MetricsExposition) {
        exposition.counter("causeway_spans_exported_total", help: "Spans that the collector has accepted.", queue?.exported ?? 0)
        exposition.counter(
            "causeway_spans_dropped_total",
            help: "Spans that were not exported: the queue or a share of it was full, the collector refused them, or the process ended.",
            queue?.dropped ?? 0
        )
    }
}
