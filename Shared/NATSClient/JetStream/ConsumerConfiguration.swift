import Basics

/// Configures a consumer: what it delivers and how. Names on the wire are those of the JetStream API.
///
/// With a ``deliverSubject`` it pushes: ``push(to:from:filter:)``. Without one, messages are pulled from it: ``pull(durable:)``.
public struct ConsumerConfiguration: Hashable, Sendable {
    /// Where in the stream a new consumer starts.
    public enum DeliverPolicy: Hashable, Sendable {
        /// The oldest message.
        case all
        /// The newest message.
        case last
        /// The newest message of each subject.
        case lastPerSubject
        /// The next message to be stored.
        case new
        /// This sequence or, if it is absent, the next one that exists.
        case startSequence(UInt64)
    }

    /// Whether deliveries are acknowledged.
    public enum AckPolicy: String, Codable, Sendable {
        /// Never.
        case none
        /// Each message individually.
        case explicit
        /// Cumulatively: one acknowledgement covers all messages before it.
        case all
    }

    /// How fast stored messages are delivered.
    public enum ReplayPolicy: String, Codable, Sendable {
        /// As fast as possible.
        case instant
        /// At the rate at which they were stored.
        case original
    }

    /// The name of a durable consumer; nil for an ephemeral one.
    public var durableName: String?
    /// Free text for people.
    public var description: String?
    /// Where it starts.
    public var deliverPolicy: DeliverPolicy = .all
    /// Whether deliveries are acknowledged. A pull consumer needs ``AckPolicy/explicit``.
    public var ackPolicy: AckPolicy = .explicit
    /// How long an acknowledgement may take before the message is delivered again; nil for the server's 30 s.
    public var ackWait: Duration?
    /// Maximum number of deliveries of one message; nil for no limit.
    public var maxDeliver: Int?
    /// Maximum number of unacknowledged deliveries; nil for the server's 1000.
    public var maxAckPending: Int?
    /// The subject filter, wildcards allowed; nil for all subjects. nats-server 2.9 supports one filter per consumer.
    public var filterSubject: String?
    /// How fast stored messages are delivered.
    public var replayPolicy: ReplayPolicy = .instant
    /// The subject to push to; nil for a pull consumer.
    public var deliverSubject: String?
    /// The queue group of a push consumer.
    public var deliverGroup: String?
    /// Whether flow control (backpressure) is on: the server pauses until its status 100 with a reply subject is answered with an empty
    /// message. Needs ``idleHeartbeat``.
    public var flowControl = false
    /// Interval of the heartbeat of an idle consumer (status 100 without a reply subject); at least 100 ms.
    public var idleHeartbeat: Duration?
    /// Whether messages are delivered without bodies.
    public var headersOnly = false
    /// How long the server keeps the consumer without a reader; nil for 5 s, and for ever for a durable one.
    public var inactiveThreshold: Duration?
    /// Whether the consumer's state is in memory even if the stream is on disk.
    public var memoryStorage = false
    /// Number of servers that keep its state; nil for the stream's number.
    public var replicas: Int?

    /// Creates a configuration with the server's defaults.
    public init() {}

    /// Creates an ephemeral push consumer without acknowledgements, its state in memory on one server.
    public static func push(to subject: String, from policy: DeliverPolicy, filter: String? = nil) -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.deliverSubject = subject
        configuration.deliverPolicy = policy
        configuration.filterSubject = filter
        configuration.ackPolicy = .none
        configuration.memoryStorage = true
        configuration.replicas = 1
        return configuration
    }

    /// Creates an ephemeral pull consumer, its state in memory on one server.
    public static func pull(from policy: DeliverPolicy, filter: String? = nil) -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.deliverPolicy = policy
        configuration.filterSubject = filter
        configuration.memoryStorage = true
        configuration.replicas = 1
        return configuration
    }

    /// Creates a durable pull consumer, shared by the replicas of a service.
    public static func pull(durable name: String) -> ConsumerConfiguration {
        var configuration = ConsumerConfiguration()
        configuration.durableName = name
        return configuration
    }
}

extension ConsumerConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case durableName = "durable_name"
        case description
        case deliverPolicy = "deliver_policy"
        case startSequence = "opt_start_seq"
        case ackPolicy = "ack_policy"
        case ackWait = "ack_wait"
        case maxDeliver = "max_deliver"
        case maxAckPending = "max_ack_pending"
        case filterSubject = "filter_subject"
        case replayPolicy = "replay_policy"
        case deliverSubject = "deliver_subject"
        case deliverGroup = "deliver_group"
        case flowControl = "flow_control"
        case idleHeartbeat = "idle_heartbeat"
        case headersOnly = "headers_only"
        case inactiveThreshold = "inactive_threshold"
        case memoryStorage = "mem_storage"
        case replicas = "num_replicas"
    }

    /// Decodes the JetStream API's JSON.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        durableName = try values.decodeIfPresent(String.self, forKey: .durableName)
        description = try values.decodeIfPresent(String.self, forKey: .description)
        let policy = try values.decode(String.self, forKey: .deliverPolicy)
        switch policy {
        case "all": deliverPolicy = .all
        case "last": deliverPolicy = .last
        case "last_per_subject": deliverPolicy = .lastPerSubject
        case "new": deliverPolicy = .new
        case "by_start_sequence": deliverPolicy = .startSequence(try values.decode(UInt64.self, forKey: .startSequence))
        default:
            throw DecodingError.dataCorruptedError(forKey: .deliverPolicy, in: values, debugDescription: "unknown deliver policy \(policy)")
        }
        ackPolicy = try values.decode(AckPolicy.self, forKey: .ackPolicy)
        ackWait = try values.decodeNanoseconds(forKey: .ackWait)
        maxDeliver = try values.decodeIfPresent(Int.self, forKey: .maxDeliver)
        maxAckPending = try values.decodeIfPresent(Int.self, forKey: .maxAckPending)
        filterSubject = try values.decodeIfPresent(String.self, forKey: .filterSubject)
        replayPolicy = try values.decode(ReplayPolicy.self, forKey: .replayPolicy)
        deliverSubject = try values.decodeIfPresent(String.self, forKey: .deliverSubject)
        deliverGroup = try values.decodeIfPresent(String.self, forKey: .deliverGroup)
        flowControl = try values.decodeIfPresent(Bool.self, forKey: .flowControl) ?? false
        idleHeartbeat = try values.decodeNanoseconds(forKey: .idleHeartbeat)
        headersOnly = try values.decodeIfPresent(Bool.self, forKey: .headersOnly) ?? false
        inactiveThreshold = try values.decodeNanoseconds(forKey: .inactiveThreshold)
        memoryStorage = try values.decodeIfPresent(Bool.self, forKey: .memoryStorage) ?? false
        replicas = try values.decodeIfPresent(Int.self, forKey: .replicas)
    }

    /// Encodes the JetStream API's JSON.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encodeIfPresent(durableName, forKey: .durableName)
        try values.encodeIfPresent(description, forKey: .description)
        switch deliverPolicy {
        case .all: try values.encode("all", forKey: .deliverPolicy)
        case .last: try values.encode("last", forKey: .deliverPolicy)
        case .lastPerSubject: try values.encode("last_per_subject", forKey: .deliverPolicy)
        case .new: try values.encode("new", forKey: .deliverPolicy)
        case .startSequence(let sequence):
            try values.encode("by_start_sequence", forKey: .deliverPolicy)
            try values.encode(sequence, forKey: .startSequence)
        }
        try values.encode(ackPolicy, forKey: .ackPolicy)
        try values.encodeIfPresent(ackWait?.nanoseconds, forKey: .ackWait)
        try values.encodeIfPresent(maxDeliver, forKey: .maxDeliver)
        try values.encodeIfPresent(maxAckPending, forKey: .maxAckPending)
        try values.encodeIfPresent(filterSubject, forKey: .filterSubject)
        try values.encode(replayPolicy, forKey: .replayPolicy)
        try values.encodeIfPresent(deliverSubject, forKey: .deliverSubject)
        try values.encodeIfPresent(deliverGroup, forKey: .deliverGroup)
        try values.encode(flowControl, forKey: .flowControl)
        try values.encodeIfPresent(idleHeartbeat?.nanoseconds, forKey: .idleHeartbeat)
        try values.encode(headersOnly, forKey: .headersOnly)
        try values.encodeIfPresent(inactiveThreshold?.nanoseconds, forKey: .inactiveThreshold)
        try values.encode(memoryStorage, forKey: .memoryStorage)
        try values.encodeIfPresent(replicas, forKey: .replicas)
    }
}
