import Basics

/// How a stream keeps its messages. The names on the wire are those of the JetStream API.
///
/// An update sends all of it: what a stream was given by other means and has no property here goes back to the server's default.
public struct StreamConfiguration: Hashable, Sendable {
    /// What makes a message leave the stream.
    public enum Retention: String, Codable, Sendable {
        /// The limits on number, size and age.
        case limits
        /// That all consumers have it acknowledged.
        case interest
        /// That one consumer has it acknowledged.
        case workQueue = "workqueue"
    }

    /// Where messages are kept.
    public enum Storage: String, Codable, Sendable {
        /// On disk.
        case file
        /// In the server's memory.
        case memory
    }

    /// What happens to a message that a full stream gets.
    public enum Discard: String, Codable, Sendable {
        /// It is stored, and the oldest goes.
        case old
        /// It is refused.
        case new
    }

    /// The stream's name: one token.
    public var name: String
    /// What people read of it.
    public var description: String?
    /// What it takes in; may have wildcards.
    public var subjects: [String]
    /// What makes a message leave.
    public var retention: Retention = .limits
    /// Where messages are kept.
    public var storage: Storage = .file
    /// What happens to a message that does not fit.
    public var discard: Discard = .old
    /// How many servers of a cluster keep the stream.
    public var replicas = 1
    /// The most messages it keeps; -1 for any number.
    public var maxMessages: Int64 = -1
    /// The most bytes it keeps; -1 for any number.
    public var maxBytes: Int64 = -1
    /// How long it keeps a message; zero for ever.
    public var maxAge = Duration.zero
    /// The most messages of one subject that it keeps; -1 for any number.
    public var maxMessagesPerSubject: Int64 = -1
    /// The largest message it takes; -1 for what the server takes.
    public var maxMessageSize: Int32 = -1
    /// The most consumers it may have; -1 for any number.
    public var maxConsumers = -1
    /// How long it remembers message ids; nil for the server's default of two minutes.
    public var duplicateWindow: Duration?
    /// Whether messages may be read from any replica: quick, and perhaps a moment behind.
    public var allowDirect = false
    /// Whether messages cannot be deleted by the API.
    public var denyDelete = false
    /// Whether the stream cannot be purged by the API.
    public var denyPurge = false
    /// Whether a message may take the place of all older ones of its subject.
    public var allowRollup = false
    /// Whether a publish is not acknowledged.
    public var noAcknowledgement = false
    /// Whether the stream takes nothing more and can never be changed again.
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

    /// Reads the form of the JetStream API. What the server leaves out has its default.
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

    /// Writes the form of the JetStream API.
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
