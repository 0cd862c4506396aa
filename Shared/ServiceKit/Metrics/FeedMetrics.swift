public import EventLog

/// How far a process has followed the log, as Prometheus has it.
public enum FeedMetrics {
    /// Adds the figures of a feed that lives as long as the process.
    public static func observe(_ feed: LogFeed, in metrics: PrometheusMetrics) {
        metrics.addCollector { collect(feed, into: &$0) }
    }

    private static func collect(_ feed: LogFeed, into exposition: inout MetricsExposition) {
        let statistics = feed.statistics
        exposition.gauge(
            "causeway_feed_position",
            help: "The sequence up to which the log is followed. What a process lags behind the others, it lags behind the log.",
            feed.position
        )
        exposition.gauge("causeway_feed_following", help: "Whether the log is followed live: 1 or 0.", feed.isFollowing ? 1 : 0)
        exposition.gauge(
            "causeway_feed_pending_messages",
            help: "Messages of the log that the bus has still to deliver to this process.",
            statistics.pending
        )
        exposition.counter("causeway_feed_events_total", help: "Events read from the log.", statistics.entries)
        exposition.counter(
            "causeway_feed_restarts_total",
            help: "How often reading the log was begun anew.",
            statistics.consumers > 0 ? statistics.consumers - 1 : 0
        )
        exposition.counter("causeway_feed_log_replacements_total", help: "How often the log was another one.", statistics.replacements)
        exposition.counter(
            "causeway_feed_skipped_messages_total",
            help: "Messages of the log that were no events.",
            statistics.skipped.values.reduce(0, +)
        )
    }
}
