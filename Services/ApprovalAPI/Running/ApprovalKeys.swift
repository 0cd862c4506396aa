import ServiceKit

extension ConfigurationKey {
    static let databaseFile = ConfigurationKey(
        "database.file",
        .text,
        default: "approval-api.sqlite",
        help: "The SQLite file of this process' read model, made anew from the log whenever it is missing; :memory: for none."
    )
    static let databaseReaders = ConfigurationKey(
        "database.readers",
        .integer(2...64),
        default: "4",
        help: "Connections that read the read model at a time, beside the one that writes; a tenant has at most half of them."
    )
    static let decisionTimeout = ConfigurationKey(
        "decision.timeout",
        .duration(.milliseconds(100) ... .seconds(60)),
        default: "5s",
        help: "How long the log may take to store a decision, and an answer may wait for the read model; after that it is 503."
    )
    static let expiryInterval = ConfigurationKey(
        "expiry.interval",
        .duration(.milliseconds(20) ... .seconds(3600)),
        default: "1s",
        help: "How often approvals are looked for that nobody answered in time."
    )
    static let rateLimit = ConfigurationKey(
        "rate.limit",
        .integer(0...1_000_000_000),
        default: "6000",
        help: "Requests a minute that each tenant may make of this process, in the long run; beyond it 429. 0 sets no limit."
    )
    static let rateBurst = ConfigurationKey(
        "rate.burst",
        .integer(0...1_000_000_000),
        default: "1000",
        help: "Requests that a tenant may make at once; 0 for as many as rate.limit allows in a minute."
    )
}

extension ApprovalProcess {
    /// All that can be set.
    static let keys: [ConfigurationKey] =
        .listeners(httpPort: 8084, adminPort: 9084) + .nats + .eventLog + .accessControl
        + [.databaseFile, .databaseReaders, .decisionTimeout, .expiryInterval, .rateLimit, .rateBurst, .corsOrigins, .drainWindow]
        + .logging
}
