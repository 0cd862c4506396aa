/// Metrics of a process's own log lines.
enum LogMetrics {
    /// Adds the counts of standard error.
    static func collect(into exposition: inout MetricsExposition) {
        let sink = LogSink.standardError
        exposition.counter(
            "causeway_log_dropped_lines_total",
            help: "Log lines dropped because standard error was not read fast enough.",
            sink.dropped
        )
        exposition.counter(
            "causeway_log_suppressed_lines_total",
            help: "Repeated log lines suppressed.",
            sink.suppressed
        )
    }
}
