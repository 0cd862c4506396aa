public import EventLog

/// Metrics of a process's log feed.
public enum FeedMetrics {
    /// Adds the metrics of a feed, for the rest of the process's lifetime.
    public static func observe(_ feed: LogFeed, in metrics: PrometheusMetrics) {
        metrics.addCollector { collect(feed, into: &$0) }
    }

    private static func collect(_ feed: LogFeed, into exposition: inout MetricsExposition) {
        let statistics = feed.statistics
        exposition.gauge(
            "causeway_feed_position",
            help: "Last log sequence read. The difference to the highest value of any process is this process's lag.",
            feed.position
        )
        exposition.gauge("causeway_feed_following", help: "Whether the log is followed live: 1 or 0.", feed.isFollowing ? 1 : 0)
        exposition.gauge(
            "causeway_feed_pending_messages",
            help: "Log messages that the bus has not delivered to this process yet.",
            statistics.pending
        )
        exposition.counter("causeway_feed_events_total", help: "Events read from the log.", statistics.entries)
        exposition.counter(
            "causeway_feed_restarts_total",
            help: "Times the feed's consumer was replaced.",
            statistics.consumers > 0 ? statistics.consumers - 1 : 0
        )
        exposition.counter("causeway_feed_log_replacements_total", help: "Times the log was found replaced.", statistics.replacements)
        exposition.counter(
            "causeway_feed_skipped_messages_total",
            help: "Log messages skipped because they are not valid events.",
            statistics.skipped.values.reduce(0, +)
        )
    }
}
