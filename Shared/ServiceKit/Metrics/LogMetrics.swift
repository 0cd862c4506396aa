/// What became of a process' log lines, as Prometheus has it.
enum LogMetrics {
    /// Adds the figures of standard error.
    static func collect(into exposition: inout MetricsExposition) {
        let sink = LogSink.standardError
        exposition.counter(
            "causeway_log_dropped_lines_total",
            help: "Log lines that were dropped, because nobody read standard error fast enough.",
            sink.dropped
        )
        exposition.counter(
            "causeway_log_suppressed_lines_total",
            help: "Repeated log lines that were suppressed.",
            sink.suppressed
        )
    }
}
