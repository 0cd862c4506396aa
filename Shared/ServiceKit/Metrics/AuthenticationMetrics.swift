import AccessControl

/// Metrics of the tokens and tickets that a process accepts and refuses.
enum AuthenticationMetrics {
    /// Adds the metrics of an authenticator, for the rest of the process's lifetime.
    ///
    /// - Parameter redeemsTickets: whether it has metrics of tickets.
    static func observe(_ authenticator: Authenticator, redeemsTickets: Bool, in metrics: PrometheusMetrics) {
        metrics.addCollector { collect(authenticator, into: &$0) }
        if redeemsTickets { metrics.addCollector { collectTickets(authenticator, into: &$0) } }
    }

    private static func collect(_ authenticator: Authenticator, into exposition: inout MetricsExposition) {
        let refusals = authenticator.refusalsByReason
        for reason in AuthenticationError.Reason.allCases {
            exposition.counter(
                "causeway_tokens_refused_total",
                help: "Requests refused because of their token or ticket, by reason.",
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

    /// Reasons for which a ticket itself is refused, as labels; all others are `other`.
    private static let ticketReasons: [(reason: AuthenticationError.Reason, label: String)] = [
        (.expired, "expired"), (.usedTicket, "used"), (.unknownTicket, "unknown"),
    ]

    private static func collectTickets(_ authenticator: Authenticator, into exposition: inout MetricsExposition) {
        exposition.counter("causeway_tickets_redeemed_total", help: "Tickets redeemed for a stream.", authenticator.redeemedTickets)
        let refusals = authenticator.ticketRefusalsByReason
        let named = ticketReasons.map { (label: $0.label, count: refusals[$0.reason] ?? 0) }
        let others = refusals.values.reduce(0, +) - named.reduce(0) { $0 + $1.count }
        for (label, count) in named + [(label: "other", count: others)] {
            exposition.counter(
                "causeway_tickets_refused_total",
                help: "Requests refused because of their ticket, by reason; also among causeway_tokens_refused_total.",
                count,
                labels: [("reason", label)]
            )
        }
    }
}
