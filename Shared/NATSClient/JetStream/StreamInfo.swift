import Basics

/// A stream as the server has it.
public struct StreamInfo: Hashable, Sendable, Decodable {
    /// What the stream holds at a moment.
    public struct State: Hashable, Sendable, Decodable {
        /// How many messages it holds.
        public let messages: UInt64
        /// Their size in the store, in bytes.
        public let bytes: UInt64
        /// The sequence of the oldest message; one beyond ``lastSequence`` if it holds none but once did.
        public let firstSequence: UInt64
        /// The sequence of the newest message, which stays when the message goes; 0 if it never had one.
        public let lastSequence: UInt64
        /// When the oldest message was stored, in nanoseconds since 1970; nil if it holds none.
        public let firstTimestamp: UInt64?
        /// When the newest message was stored, in nanoseconds since 1970; nil if it never had one.
        public let lastTimestamp: UInt64?
        /// How many consumers it has.
        public let consumerCount: Int
        /// How many sequences between ``firstSequence`` and ``lastSequence`` it does not hold: deleted or purged.
        public let deletedCount: UInt64
        /// Those sequences, in ascending order; nil unless they were asked for.
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

        /// Reads the form of the JetStream API.
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
    /// When it was created, in nanoseconds since 1970, exactly as the server has it: a stream that was deleted and created again has another.
    public let created: UInt64
    /// What it holds.
    public let state: State
    /// The stream that it is a copy of; nil for a stream of its own.
    public let mirror: String?
    /// The streams that it takes messages from, beside those published on its subjects.
    public let sources: [String]

    private enum CodingKeys: String, CodingKey {
        case configuration = "config"
        case created, state
    }

    /// The parts of the configuration that only the server's operator sets.
    private struct Origins: Decodable {
        struct Stream: Decodable {
            let name: String
        }

        let mirror: Stream?
        let sources: [Stream]?
    }

    /// What the server says of a stream that it is still creating for another client: Go's zero time.
    private static let notYet = "0001-01-01T00:00:00Z"

    /// Reads the form of the JetStream API.
    ///
    /// - Throws: ``JetStreamError/Code/streamNotFound`` for a stream that another client's request is still creating.
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
