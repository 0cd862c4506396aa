import AccessControl

/// Metrics of the tokens that a process accepts and refuses.
enum AuthenticationMetrics {
    /// Adds the metrics of an authenticator, for the rest of the process's lifetime.
    static func observe(_ authenticator: Authenticator, in metrics: PrometheusMetrics) {
        metrics.addCollector { collect(authenticator, into: &$0) }
    }

    private static func collect(_ authenticator: Authenticator, into exposition: inout MetricsExposition) {
        let refusals = authenticator.refusalsByReason
        for reason in AuthenticationError.Reason.allCases {
            exposition.counter(
                "causeway_tokens_refused_total",
                help: "Requests refused because of their token, by reason.",
                refusals[reason] ?? 0,
                labels: [("reason", reason.rawValue)]
            )
        }
        exposition.gauge("causeway_revocations", help: "Revocations that are compared with each token.", authenticator.revocations.count)
        exposition.counter(
            "causeway_revocations_seen_total",
            help: "Revocations that this process has learned of since its start.",
            authenticator.revocations.seen
        )
        exposition.gauge(
            "causeway_revocations_read",
            help: "Whether the stored revocations have been read since the start: 1 or 0.",
            authenticator.revocations.isRead ? 1 : 0
        )
    }
}
