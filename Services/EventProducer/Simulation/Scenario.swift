/// The texts of an incident, from the first alarm to the remediation.
struct Scenario: Sendable {
    /// One finding of an agent.
    struct Finding: Sendable {
        var agent: String
        var message: String
    }

    var title: String
    var service: String
    var severity: String
    /// The findings, in order.
    var findings: [Finding]
    /// The solution of a similar earlier incident; nil for a new kind.
    var knownSolution: String?
    var rootCause: String
    var remediation: String
    /// Whether the remediation needs an approval.
    var needsApproval: Bool
}

extension Scenario {
    private static func finding(_ agent: String, _ message: String) -> Finding { Finding(agent: agent, message: message) }

    /// All scenarios.
    static let all: [Scenario] = [
        Scenario(
            title: "Checkout answers slower than its objective",
            service: "checkout",
            severity: "high",
            findings: [
                finding("metrics", "p99 latency of checkout rose from 240 ms to 3.1 s within four minutes"),
                finding("traces", "nine of ten slow requests wait for a database connection"),
                finding("deployments", "checkout 2024.11 went out six minutes before the first slow request"),
                finding("code", "the new release opens a second connection for every order line"),
            ],
            knownSolution: "A release that held two connections for each order was rolled back in March",
            rootCause: "The release doubled the number of database connections per order and emptied the pool",
            remediation: "Roll checkout back to the release before",
            needsApproval: true
        ),
        Scenario(
            title: "Messages pile up in the invoice queue",
            service: "billing",
            severity: "medium",
            findings: [
                finding("queues", "41,000 invoices wait, and 600 more come every minute"),
                finding("log analysis", "the workers retry the same 12 invoices without end"),
                finding("data", "all 12 have a currency that the tax table does not know"),
            ],
            knownSolution: nil,
            rootCause: "Invoices that can never succeed are retried at the head of the queue",
            remediation: "Move the 12 invoices to the dead-letter queue and restart the workers",
            needsApproval: true
        ),
        Scenario(
            title: "Search returns errors in one region",
            service: "search",
            severity: "high",
            findings: [
                finding("metrics", "38 % of the searches in eu-west fail, none elsewhere"),
                finding("network", "two of three index nodes in eu-west do not answer health checks"),
                finding("infrastructure", "both nodes ran out of disk while merging segments"),
            ],
            knownSolution: "Index nodes that ran full during a merge recovered with a larger volume",
            rootCause: "A segment merge needed more disk than the nodes have left",
            remediation: "Grow the index volumes in eu-west by half and restart both nodes",
            needsApproval: true
        ),
        Scenario(
            title: "Sign-in fails for some people",
            service: "identity",
            severity: "critical",
            findings: [
                finding("log analysis", "every failed sign-in carries a token signed with the new key"),
                finding("configuration", "three of eight gateways still hold the key set of yesterday"),
                finding("deployments", "their configuration reload was skipped by a failing check"),
                finding("network", "the check failed because its own certificate expired"),
            ],
            knownSolution: nil,
            rootCause: "Gateways kept an old key set after the signing key was rotated",
            remediation: "Reload the key set on the three gateways",
            needsApproval: false
        ),
        Scenario(
            title: "Memory of the recommendation service keeps growing",
            service: "recommendations",
            severity: "low",
            findings: [
                finding("metrics", "resident memory grows by 80 MB an hour and never shrinks"),
                finding("profiler", "the growth is in the cache of user profiles"),
                finding("code", "entries of signed-out users are never evicted"),
            ],
            knownSolution: "Restarting one instance at a time has kept this service alive before",
            rootCause: "The profile cache has no upper bound",
            remediation: "Restart the instances one after the other",
            needsApproval: false
        ),
        Scenario(
            title: "Payments to one provider time out",
            service: "payments",
            severity: "critical",
            findings: [
                finding("traces", "calls to the provider end after exactly 10 s"),
                finding("network", "the route to the provider loses every fourth packet"),
                finding("vendors", "the provider's status page speaks of maintenance"),
            ],
            knownSolution: nil,
            rootCause: "The provider's primary site is under maintenance and drops connections",
            remediation: "Send payments to the provider's second site until the maintenance is over",
            needsApproval: true
        ),
    ]
}
