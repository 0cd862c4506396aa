public import EventLog
public import NATSClient

/// Where an ``EventProducer`` publishes, and for how long it tries.
public struct ProducerConfiguration: Sendable {
    /// The bus. The default is a nats-server on this machine, with every message sent at once.
    public var nats: NATSConfiguration
    /// The log on it, which is created with these settings if it is not there yet.
    public var log: EventLogConfiguration
    /// How long a publish keeps trying through an outage before it fails, the time until the first connection included.
    public var timeout: Duration

    /// Everything has a default.
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
