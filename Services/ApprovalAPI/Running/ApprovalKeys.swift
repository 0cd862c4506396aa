import ServiceKit

extension AnyConfigurationKey {
    static let databaseFile = ConfigurationKey(
        "database.file",
        .text,
        default: "approval-api.sqlite",
        help: "The SQLite file of this process's read model, rebuilt from the log when missing; :memory: keeps it in memory."
    )
    static let databaseReaders = ConfigurationKey(
        "database.readers",
        .integer(2...64),
        default: "4",
        help: "Concurrent read connections to the read model, besides the one that writes; a tenant gets at most half of them."
    )
    static let decisionTimeout = ConfigurationKey(
        "decision.timeout",
        .duration(.milliseconds(100) ... .seconds(60)),
        default: "5s",
        help: "Time limit for storing a decision and for waiting for the read model; after that the response is 503."
    )
    static let expiryInterval = ConfigurationKey(
        "expiry.interval",
        .duration(.milliseconds(20) ... .seconds(3600)),
        default: "1s",
        help: "How often overdue approvals are looked up and expired."
    )
    static let rateLimit = ConfigurationKey(
        "rate.limit",
        .integer(0...1_000_000_000),
        default: "6000",
        help: "Sustained requests per minute that this process accepts from each tenant; beyond that 429. 0 for no limit."
    )
    static let rateBurst = ConfigurationKey(
        "rate.burst",
        .integer(0...1_000_000_000),
        default: "1000",
        help: "Maximum burst of requests of a tenant; 0 for the requests that rate.limit allows per minute."
    )
}

extension ApprovalProcess {
    /// All configuration keys.
    static let keys: [AnyConfigurationKey] =
        ([
            .listeners(httpPort: 8084, adminPort: 9084), .nats, .eventLog, .accessControl,
            [.databaseFile, .databaseReaders, .decisionTimeout, .expiryInterval, .rateLimit, .rateBurst, .corsOrigins, .drainWindow],
            .logging,
        ] as [[AnyConfigurationKey]]).flatMap(\.self)
}
