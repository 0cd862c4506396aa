import Basics

/// Configures a stream. Names on the wire are those of the JetStream API.
///
/// An update sends all fields: settings that have no property here return to the server's defaults.
public struct StreamConfiguration: Hashable, Sendable {
    /// When messages are removed.
    public enum Retention: String, Codable, Sendable {
        /// By the limits on number, size and age.
        case limits
        /// After all consumers acknowledged them.
        case interest
        /// After one consumer acknowledged them.
        case workQueue = "workqueue"
    }

    /// Where messages are kept.
    public enum Storage: String, Codable, Sendable {
        /// On disk.
        case file
        /// In the server's memory.
        case memory
    }

    /// What a full stream does with a new message.
    public enum Discard: String, Codable, Sendable {
        /// Stores it and removes the oldest.
        case old
        /// Rejects it.
        case new
    }

    /// The stream's name: one token.
    public var name: String
    /// Free text for people.
    public var description: String?
    /// The subjects to store; wildcards allowed.
    public var subjects: [String]
    /// When messages are removed.
    public var retention: Retention = .limits
    /// Where messages are kept.
    public var storage: Storage = .file
    /// What a full stream does with a new message.
    public var discard: Discard = .old
    /// Number of servers that keep the stream.
    public var replicas = 1
    /// Maximum number of messages; -1 for no limit.
    public var maxMessages: Int64 = -1
    /// Maximum size in bytes; -1 for no limit.
    public var maxBytes: Int64 = -1
    /// Maximum age of a message; zero for ever.
    public var maxAge = Duration.zero
    /// Maximum number of messages per subject; -1 for no limit.
    public var maxMessagesPerSubject: Int64 = -1
    /// Maximum message size in bytes; -1 for the server's limit.
    public var maxMessageSize: Int32 = -1
    /// Maximum number of consumers; -1 for no limit.
    public var maxConsumers = -1
    /// How long message ids are remembered for deduplication; nil for the server's two minutes.
    public var duplicateWindow: Duration?
    /// Whether any replica serves reads: faster, may be stale.
    public var allowDirect = false
    /// Whether the API refuses to delete messages.
    public var denyDelete = false
    /// Whether the API refuses to purge the stream.
    public var denyPurge = false
    /// Whether a message may replace all older ones of its subject.
    public var allowRollup = false
    /// Whether publishes are not acknowledged.
    public var noAcknowledgement = false
    /// Whether the stream is read-only for ever.
    public var isSealed = false

    /// Creates a configuration with the server's defaults.
    public init(name: String, subjects: [String]) {
        self.name = name
        self.subjects = subjects
    }
}

extension StreamConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, description, subjects, retention, storage, discard
        case replicas = "num_replicas"
        case maxMessages = "max_msgs"
        case maxBytes = "max_bytes"
        case maxAge = "max_age"
        case maxMessagesPerSubject = "max_msgs_per_subject"
        case maxMessageSize = "max_msg_size"
        case maxConsumers = "max_consumers"
        case duplicateWindow = "duplicate_window"
        case allowDirect = "allow_direct"
        case denyDelete = "deny_delete"
        case denyPurge = "deny_purge"
        case allowRollup = "allow_rollup_hdrs"
        case noAcknowledgement = "no_ack"
        case isSealed = "sealed"
    }

    /// Decodes the JetStream API's JSON; absent fields get their defaults.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try values.decode(String.self, forKey: .name),
            subjects: try values.decodeIfPresent([String].self, forKey: .subjects) ?? []
        )
        description = try values.decodeIfPresent(String.self, forKey: .description)
        retention = try values.decode(Retention.self, forKey: .retention)
        storage = try values.decode(Storage.self, forKey: .storage)
        discard = try values.decodeIfPresent(Discard.self, forKey: .discard) ?? discard
        replicas = try values.decode(Int.self, forKey: .replicas)
        maxMessages = try values.decodeIfPresent(Int64.self, forKey: .maxMessages) ?? maxMessages
        maxBytes = try values.decodeIfPresent(Int64.self, forKey: .maxBytes) ?? maxBytes
        maxAge = try values.decodeNanoseconds(forKey: .maxAge) ?? maxAge
        maxMessagesPerSubject = try values.decodeIfPresent(Int64.self, forKey: .maxMessagesPerSubject) ?? maxMessagesPerSubject
        maxMessageSize = try values.decodeIfPresent(Int32.self, forKey: .maxMessageSize) ?? maxMessageSize
        maxConsumers = try values.decodeIfPresent(Int.self, forKey: .maxConsumers) ?? maxConsumers
        duplicateWindow = try values.decodeNanoseconds(forKey: .duplicateWindow)
        allowDirect = try values.decodeIfPresent(Bool.self, forKey: .allowDirect) ?? false
        denyDelete = try values.decodeIfPresent(Bool.self, forKey: .denyDelete) ?? false
        denyPurge = try values.decodeIfPresent(Bool.self, forKey: .denyPurge) ?? false
        allowRollup = try values.decodeIfPresent(Bool.self, forKey: .allowRollup) ?? false
        noAcknowledgement = try values.decodeIfPresent(Bool.self, forKey: .noAcknowledgement) ?? false
        isSealed = try values.decodeIfPresent(Bool.self, forKey: .isSealed) ?? false
    }

    /// Encodes the JetStream API's JSON.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encodeIfPresent(description, forKey: .description)
        try values.encode(subjects, forKey: .subjects)
        try values.encode(retention, forKey: .retention)
        try values.encode(storage, forKey: .storage)
        try values.encode(discard, forKey: .discard)
        try values.encode(replicas, forKey: .replicas)
        try values.encode(maxMessages, forKey: .maxMessages)
        try values.encode(maxBytes, forKey: .maxBytes)
        try values.encode(maxAge.nanoseconds, forKey: .maxAge)
        try values.encode(maxMessagesPerSubject, forKey: .maxMessagesPerSubject)
        try values.encode(maxMessageSize, forKey: .maxMessageSize)
        try values.encode(maxConsumers, forKey: .maxConsumers)
        try values.encodeIfPresent(duplicateWindow?.nanoseconds, forKey: .duplicateWindow)
        try values.encode(allowDirect, forKey: .allowDirect)
        try values.encode(denyDelete, forKey: .denyDelete)
        try values.encode(denyPurge, forKey: .denyPurge)
        try values.encode(allowRollup, forKey: .allowRollup)
        try values.encode(noAcknowledgement, forKey: .noAcknowledgement)
        try values.encode(isSealed, forKey: .isSealed)
    }
}
