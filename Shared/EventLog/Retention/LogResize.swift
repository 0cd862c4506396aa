public import Basics
public import NATSClient

/// A change of what the log keeps: the limits of its streams as they are and as they shall be, and what leaves with it.
public struct LogResize: Sendable {
    /// How long messages are kept and how many bytes of them.
    public struct Limits: Sendable, Hashable {
        /// Nil for ever.
        public var maxAge: Duration?
        /// Nil for no bound.
        public var maxBytes: Int64?
    }

    /// One stream's part.
    public struct Change: Sendable, Hashable {
        public var stream: String
        public var present: Limits
        public var wanted: Limits
        public var messages: UInt64
        public var bytes: UInt64
        /// How many messages leave at once, estimated from their average size; 0 for none.
        public var droppedMessages: UInt64
        /// How many bytes leave for the sake of the bound in bytes.
        public var droppedBytes: UInt64
        /// The messages before this moment leave for their age; nil for none.
        public var droppedBefore: Timestamp?

        /// Whether anything leaves.
        public var drops: Bool { droppedMessages > 0 || droppedBytes > 0 || droppedBefore != nil }
    }

    /// The streams that exist and differ from what is wanted.
    public let changes: [Change]
    private let jetStream: JetStream

    /// Looks at the log's stream and the one beside it with the read marks, and at what the limits of `configuration` would make of them. Changes nothing.
    ///
    /// - Parameters:
    ///   - connection: the bus, connected.
    ///   - now: the time by which ages are judged.
    /// - Throws: ``EventLogError/Code/unavailable`` when there is no log, ``EventLogError/Code/rejected`` for limits that cannot be meant.
    public init(
        on connection: NATSConnection,
        to configuration: EventLogConfiguration,
        now: Timestamp = .now
    ) async throws(EventLogError) {
        try configuration.validate()
        jetStream = JetStream(connection, timeout: configuration.requestTimeout)
        let wanted: [(name: String, limits: Limits)] = [
            (configuration.streamName, Limits(maxAge: configuration.maxAge, maxBytes: configuration.maxBytes)),
            (EventLogConfiguration.inboxName, Limits(maxAge: configuration.maxAge, maxBytes: configuration.inboxBytes)),
        ]
        var changes: [Change] = []
        for (index, stream) in wanted.enumerated() {
            do throws(JetStreamError) {
                let info = try await jetStream.streamInfo(stream.name)
                if let change = Self.change(info, to: stream.limits, now: now) { changes.append(change) }
            } catch {
                guard error.code == .streamNotFound else { throw EventLogError(error) }
                // Without approval-api nobody has made the second one.
                guard index > 0 else {
                    throw EventLogError(
                        code: .rejected,
                        message: "There is no log on this bus: the first process that needs one makes it, as its settings say."
                    )
                }
            }
        }
        self.changes = changes
    }

    /// Changes the limits.
    public func apply() async throws(EventLogError) {
        for change in changes {
            do throws(JetStreamError) {
                try await jetStream.changeLimits(
                    of: change.stream,
                    maxAge: change.wanted.maxAge ?? .zero,
                    maxBytes: change.wanted.maxBytes ?? -1
                )
            } catch {
                guard error.code == .api(10047) || error.code == .insufficientResources else { throw EventLogError(error) }
                throw EventLogError(
                    code: .rejected,
                    message: "\(change.stream) needs more storage than the server offers: raise its jetstream limits, or choose less."
                )
            }
        }
    }

    /// What becomes of a stream; nil when it is as it shall be.
    static func change(_ info: StreamInfo, to wanted: Limits, now: Timestamp) -> Change? {
        let (configuration, state) = (info.configuration, info.state)
        let present = Limits(
            maxAge: configuration.maxAge == .zero ? nil : configuration.maxAge,
            maxBytes: configuration.maxBytes < 0 ? nil : configuration.maxBytes
        )
        guard present != wanted else { return nil }
        var change = Change(
            stream: configuration.name,
            present: present,
            wanted: wanted,
            messages: state.messages,
            bytes: state.bytes,
            droppedMessages: 0,
            droppedBytes: 0
        )
        if let bound = wanted.maxBytes.flatMap({ UInt64(exactly: $0) }), state.bytes > bound {
            change.droppedBytes = state.bytes - bound
            let share = Double(change.droppedBytes) / Double(state.bytes)
            change.droppedMessages = max(1, UInt64(Double(state.messages) * share))
        }
        if let age = wanted.maxAge, state.messages > 0, let first = state.firstTimestamp {
            let oldest = now.millisecondsSinceEpoch - Int64(clamping: age.milliseconds)
            if Timestamp(serverNanoseconds: first).millisecondsSinceEpoch < oldest {
                change.droppedBefore = Timestamp(millisecondsSinceEpoch: oldest)
            }
        }
        return change
    }
}
