import Basics
import EventLog

/// Metrics of the streams on the bus that a process reads or writes, as it last saw them.
enum StreamMetrics {
    /// Adds the metrics of the log's stream and of the side streams that the process checks, for the rest of its lifetime.
    static func observe(_ log: EventLog, in metrics: PrometheusMetrics) {
        metrics.addCollector { exposition in
            for stream in log.seenStreams { collect(stream, into: &exposition) }
        }
    }

    private static func collect(_ stream: LogInspection.Stream, into exposition: inout MetricsExposition) {
        let labels = [("stream", stream.name)]
        exposition.gauge("causeway_stream_messages", help: "Messages of a stream on the bus.", stream.messages, labels: labels)
        exposition.gauge("causeway_stream_bytes", help: "Size of a stream on the bus.", stream.bytes, labels: labels)
        if let limit = stream.limits.maxBytes {
            let help = "Size limit of a stream, with what it does beyond it: drops its oldest messages, or refuses new ones."
            let beyond = stream.dropsOldest ? "drops" : "refuses"
            exposition.gauge("causeway_stream_max_bytes", help: help, limit, labels: labels + [("beyond", beyond)])
        }
        if let age = stream.limits.maxAge {
            let help = "Age limit of a stream's messages."
            exposition.gauge("causeway_stream_max_age_seconds", help: help, age.components.seconds, labels: labels)
        }
        if let oldest = stream.oldest {
            let help = "When the oldest message of a stream was stored, in seconds since 1970."
            exposition.gauge(
                "causeway_stream_oldest_timestamp_seconds",
                help: help,
                Double(oldest.millisecondsSinceEpoch) / 1000,
                labels: labels
            )
        }
    }
}
