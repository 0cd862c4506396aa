import Basics

/// A stream's configuration and state, as the server reports them.
public struct StreamInfo: Hashable, Sendable, Decodable {
    /// A snapshot of the stream's contents.
    public struct State: Hashable, Sendable, Decodable {
        /// Number of messages.
        public let messages: UInt64
        /// Size in the store, in bytes.
        public let bytes: UInt64
        /// Sequence of the oldest message; ``lastSequence`` + 1 for a stream that is empty again.
        public let firstSequence: UInt64
        /// Last assigned sequence, also after its message was removed; 0 for a new stream.
        public let lastSequence: UInt64
        /// When the oldest message was stored, in nanoseconds since 1970; nil if empty.
        public let firstTimestamp: UInt64?
        /// When the newest message was stored, in nanoseconds since 1970; nil for a new stream.
        public let lastTimestamp: UInt64?
        /// Number of consumers.
        public let consumerCount: Int
        /// Number of deleted or purged sequences between ``firstSequence`` and ``lastSequence``.
        public let deletedCount: UInt64
        /// Those sequences in ascending order; nil unless requested.
        public let deleted: [UInt64]?

        private enum CodingKeys: String, CodingKey {
            case messages, bytes
            case firstSequence = "first_seq"
            case lastSequence = "last_seq"
            case firstTimestamp = "first_ts"
            case lastTimestamp = "last_ts"
            case consumerCount = "consumer_count"
            case deletedCount = "num_deleted"
            case deleted
        }

        /// Decodes the JetStream API's JSON.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            messages = try values.decode(UInt64.self, forKey: .messages)
            bytes = try values.decode(UInt64.self, forKey: .bytes)
            firstSequence = try values.decode(UInt64.self, forKey: .firstSequence)
            lastSequence = try values.decode(UInt64.self, forKey: .lastSequence)
            // The server writes the year 1 where there is no message.
            firstTimestamp = try values.decodeIfPresent(String.self, forKey: .firstTimestamp).flatMap { RFC3339.nanosecondsSinceEpoch($0) }
            lastTimestamp = try values.decodeIfPresent(String.self, forKey: .lastTimestamp).flatMap { RFC3339.nanosecondsSinceEpoch($0) }
            consumerCount = try values.decode(Int.self, forKey: .consumerCount)
            deletedCount = try values.decodeIfPresent(UInt64.self, forKey: .deletedCount) ?? 0
            deleted = try values.decodeIfPresent([UInt64].self, forKey: .deleted)
        }
    }

    /// Its configuration, with the server's defaults filled in.
    public let configuration: StreamConfiguration
    /// Creation time in nanoseconds since 1970, as the server reports it: a recreated stream has another.
    public let created: UInt64
    /// The stream's contents.
    public let state: State
    /// The stream that this one mirrors; nil if it is no mirror.
    public let mirror: String?
    /// The streams that this one copies messages from, besides its subjects.
    public let sources: [String]

    private enum CodingKeys: String, CodingKey {
        case configuration = "config"
        case created, state
    }

    /// Origin settings, which only the server's operator sets.
    private struct Origins: Decodable {
        struct Stream: Decodable {
            let name: String
        }

        let mirror: Stream?
        let sources: [Stream]?
    }

    /// Creation time of a stream whose creation is in progress: Go's zero time.
    private static let notYet = "0001-01-01T00:00:00Z"

    /// Decodes the JetStream API's JSON.
    ///
    /// - Throws: ``JetStreamError/Code/streamNotFound`` while another client's request is creating the stream.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        guard try values.decodeIfPresent(String.self, forKey: .created) != Self.notYet else {
            throw JetStreamError(.streamNotFound, "The stream is being created by another client.")
        }
        configuration = try values.decode(StreamConfiguration.self, forKey: .configuration)
        state = try values.decode(State.self, forKey: .state)
        let origins = try values.decode(Origins.self, forKey: .configuration)
        mirror = origins.mirror?.name
        sources = origins.sources?.map(\.name) ?? []
        guard let created = try values.decodeInstant(forKey: .created) else {
            throw DecodingError.keyNotFound(
                CodingKeys.created,
                .init(codingPath: values.codingPath, debugDescription: "a stream has a time of creation")
            )
        }
        self.created = created
    }
}
