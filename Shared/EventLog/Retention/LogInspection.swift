public import Basics
public import NATSClient

/// What the log's streams hold and may hold, at one moment. Reading it creates and changes nothing.
public struct LogInspection: Sendable {
    /// One stream.
    public struct Stream: Sendable, Hashable {
        /// The stream's name.
        public var name: String
        /// Its limits.
        public var limits: LogResize.Limits
        /// Whether it drops its oldest messages when it is full; it refuses new ones otherwise.
        public var dropsOldest: Bool
        /// On how many servers each message is kept.
        public var replicas: Int
        /// Where the servers keep the messages.
        public var storage: StreamConfiguration.Storage
        /// Number of messages.
        public var messages: UInt64
        /// Size in the store, in bytes.
        public var bytes: UInt64
        /// Number of deleted messages between the oldest and the newest.
        public var deleted: UInt64
        /// Sequence of the oldest message; ``lastSequence`` + 1 when the stream is empty.
        public var firstSequence: UInt64
        /// Last assigned sequence; 0 for a new stream.
        public var lastSequence: UInt64
        /// When the oldest message was stored; nil when the stream is empty.
        public var oldest: Timestamp?
        /// When the newest message was stored; nil when the stream is empty.
        public var newest: Timestamp?

        init(_ info: StreamInfo) {
            let (configuration, state) = (info.configuration, info.state)
            name = configuration.name
            limits = LogResize.Limits(configuration)
            dropsOldest = configuration.discard == .old
            replicas = configuration.replicas
            storage = configuration.storage
            messages = state.messages
            bytes = state.bytes
            deleted = state.deletedCount
            firstSequence = state.firstKept
            lastSequence = state.lastSequence
            let isEmpty = state.messages == 0
            oldest = isEmpty ? nil : state.firstTimestamp.map { Timestamp(serverNanoseconds: $0) }
            newest = isEmpty ? nil : state.lastTimestamp.map { Timestamp(serverNanoseconds: $0) }
        }
    }

    /// The log's stream first, and those of read marks and of approval records where they exist.
    public let streams: [Stream]

    /// Asks the bus about the streams.
    ///
    /// - Parameter connection: the bus, connected.
    /// - Throws: ``EventLogError/Code/rejected`` when there is no log; a retriable error when the bus does not answer.
    public init(on connection: NATSConnection, _ configuration: EventLogConfiguration) async throws(EventLogError) {
        let jetStream = JetStream(connection, timeout: configuration.requestTimeout)
        var streams: [Stream] = []
        for name in [configuration.streamName, EventLogConfiguration.inboxName, EventLogConfiguration.approvalsName] {
            do throws(JetStreamError) {
                streams.append(Stream(try await jetStream.streamInfo(name)))
            } catch {
                guard error.code == .streamNotFound else { throw EventLogError(error) }
                // The streams beside the log are created when they are needed.
                guard !streams.isEmpty else { throw .noLog }
            }
        }
        self.streams = streams
    }
}
