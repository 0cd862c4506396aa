public import EventLog
public import NATSClient

/// Configures an ``EventProducer``: bus, log and timeout.
public struct ProducerConfiguration: Sendable {
    /// The bus. Default: a nats-server on this machine, with every message sent at once.
    public var nats: NATSConfiguration
    /// The log, which is created with these settings if absent.
    public var log: EventLogConfiguration
    /// How long a publish retries through an outage, the time until the first connection included.
    public var timeout: Duration

    /// Creates a configuration; everything has a default.
    public init(
        nats: NATSConfiguration = NATSConfiguration(name: "causeway-producer", sendAsap: true),
        log: EventLogConfiguration = EventLogConfiguration(),
        timeout: Duration = .seconds(10)
    ) {
        self.nats = nats
        self.log = log
        self.timeout = timeout
    }
}
