public import Basics
public import NATSClient

/// Plans and applies new limits for the log's streams, and estimates what they drop.
public struct LogResize: Sendable {
    /// Limits of a stream.
    public struct Limits: Sendable, Hashable {
        /// Maximum age of a message; nil for ever.
        public var maxAge: Duration?
        /// Maximum size in bytes; nil for no limit.
        public var maxBytes: Int64?
    }

    /// The change of one stream.
    public struct Change: Sendable, Hashable {
        /// The stream's name.
        public var stream: String
        /// Its current limits.
        public var present: Limits
        /// The new limits.
        public var wanted: Limits
        /// Number of messages at present.
        public var messages: UInt64
        /// Size in bytes at present.
        public var bytes: UInt64
        /// Number of messages dropped at once, estimated from their average size; 0 for none.
        public var droppedMessages: UInt64
        /// Number of bytes dropped by the size limit.
        public var droppedBytes: UInt64
        /// Messages before this time are dropped by the age limit; nil for none.
        public var droppedBefore: Timestamp?

        /// Whether the change drops messages.
        public var drops: Bool { droppedMessages > 0 || droppedBytes > 0 || droppedBefore != nil }
    }

    /// The existing streams whose limits change.
    public let changes: [Change]
    private let jetStream: JetStream

    /// Compares the limits of the log's stream, of the read marks' and of the approval records' with `configuration`. Changes nothing.
    ///
    /// - Parameters:
    ///   - connection: The bus, connected.
    ///   - now: The current time, for ages.
    /// - Throws: ``EventLogError/Code/unavailable`` when the log does not exist, ``EventLogError/Code/rejected`` for invalid limits.
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
            (
                EventLogConfiguration.approvalsName,
                Limits(maxAge: configuration.approvalsMaxAge, maxBytes: configuration.approvalsStreamBytes)
            ),
        ]
        var changes: [Change] = []
        for (index, stream) in wanted.enumerated() {
            do throws(JetStreamError) {
                let info = try await jetStream.streamInfo(stream.name)
                if let change = Self.change(info, to: stream.limits, now: now) { changes.append(change) }
            } catch {
                guard error.code == .streamNotFound else { throw EventLogError(error) }
                // The streams beside the log are created when they are needed.
                guard index > 0 else { throw .noLog }
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

    /// Returns a stream's change; nil when its limits match.
    static func change(_ info: StreamInfo, to wanted: Limits, now: Timestamp) -> Change? {
        let (configuration, state) = (info.configuration, info.state)
        let present = Limits(configuration)
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

extension LogResize.Limits {
    /// The limits that the server reports for a stream.
    init(_ configuration: StreamConfiguration) {
        maxAge = configuration.maxAge == .zero ? nil : configuration.maxAge
        maxBytes = configuration.maxBytes < 0 ? nil : configuration.maxBytes
    }
}

extension EventLogError {
    /// There is no stream of the log, where it is not created.
    static let noLog = EventLogError(
        code: .rejected,
        message: "There is no log on this bus: the first process that needs one makes it, as its settings say."
    )
}
