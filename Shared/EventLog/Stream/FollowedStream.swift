import Basics
public import NATSClient

/// A stream beside the log that a process follows. Any thread.
public struct FollowedStream: Sendable {
    private let log: EventLog
    private var jetStream: JetStream { log.jetStream }
    /// The stream, for readiness checks.
    public let store: SideStream

    /// How long the server holds a pull request open.
    public static let pullWait: Duration = .seconds(5)

    /// Describes a stream beside `log`, which may not exist yet.
    public init(_ store: SideStream, beside log: EventLog) {
        self.store = store
        self.log = log
    }

    /// Returns the stream's first and last sequence and its limit. Creates the stream if absent.
    public func bounds() async throws(EventLogError) -> SideStreamBounds {
        SideStreamBounds(try await store.ensure())
    }

    /// Returns whether the stream still has the last message read: a stream restored from an older copy has another at its sequence. Nil when the
    /// sequence is absent.
    public func recognises(_ stamp: LogStamp) async throws(EventLogError) -> Bool? {
        do throws(JetStreamError) {
            return try await jetStream.message(stream: store.name, sequence: stamp.sequence).timestamp == stamp.storedAt
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// Stores a message, with retries through a short outage: the caller's message is idempotent.
    ///
    /// - Returns: its sequence; nil when the compare-and-set failed.
    @discardableResult
    public func publish(
        subject: String,
        payload: [UInt8],
        expectedLastSubjectSequence: UInt64? = nil,
        within timeout: Duration
    ) async throws -> UInt64? {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                return try await store.publish(
                    subject: subject,
                    payload: payload,
                    expectedLastSubjectSequence: expectedLastSubjectSequence
                )?.sequence
            } catch {
                let wait = pause.pause()
                guard error.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                try await Task.sleep(for: wait)
            }
        }
    }

    /// Returns the last message of a subject, read from the stream's leader; nil for an empty subject.
    public func lastMessage(on subject: String) async throws(EventLogError) -> StoredMessage? {
        do throws(JetStreamError) {
            return try await jetStream.lastMessage(stream: store.name, subject: subject)
        } catch {
            guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// Begins to read behind a sequence.
    ///
    /// - Parameter created: creation time of the stream that the sequence is of.
    /// - Throws: ``EventLogError/Code/unavailable`` when the stream was replaced meanwhile, and as ``SideStream/ensure()``.
    public func reading(after sequence: UInt64, created: UInt64) async throws(EventLogError) -> StreamReading {
        var consumer = ConsumerConfiguration()
        consumer.deliverPolicy = .startSequence(sequence + 1)
        consumer.ackPolicy = .all
        consumer.inactiveThreshold = .seconds(60)
        consumer.memoryStorage = true
        consumer.replicas = 1
        let reader: ConsumerInfo
        do throws(JetStreamError) {
            reader = try await jetStream.createConsumer(stream: store.name, consumer)
        } catch {
            throw EventLogError(error)
        }
        // A consumer vanishes with its stream. So from here on, what it delivers is of this stream.
        guard try await store.ensure().created == created else {
            throw .unavailable("The stream \(store.name) was replaced. Read it again.")
        }
        return StreamReading(store, reader, on: jetStream)
    }

    /// Waits for the bus, then reads the stream from its first message and follows it, until an error. Creates the stream if absent.
    ///
    /// - Parameter apply: receives messages in their order; the sequence up to which everything that the stream keeps has been passed on;
    ///   and whether the stream has no further ones for now. Receives no messages of an empty stream, and while none arrives, every ``pullWait``.
    /// - Throws: an ``EventLogError``; retriable when the connection was lost.
    public func follow(
        _ apply: @Sendable (_ messages: [JetStreamMessage], _ position: UInt64, _ isCaughtUp: Bool) async -> Void
    ) async throws(EventLogError) -> Never {
        try await log.watch.untilConnected()
        // The last messages may no longer be kept, so that none arrives at this place.
        let info = try await store.ensure()
        let end = info.state.lastSequence
        var reading = try await reading(after: 0, created: info.created)
        if reading.isAtEnd { await apply([], end, true) }
        var reached: UInt64 = 0
        while true {
            let messages = try await reading.next(atMost: Self.pullWait)
            guard let last = messages.last else {
                await apply([], max(reached, end), true)
                continue
            }
            reached = last.metadata.streamSequence
            await apply(messages, reading.isAtEnd ? max(reached, end) : reached, reading.isAtEnd)
            try await acknowledge(last)
        }
    }

    /// Acknowledges all messages up to this one.
    public func acknowledge(_ message: JetStreamMessage) async throws(EventLogError) {
        do throws(JetStreamError) {
            try await jetStream.acknowledge(message)
        } catch {
            throw EventLogError(error)
        }
    }
}

/// The stream's bounds at one moment.
public struct SideStreamBounds: Sendable, Equatable {
    /// First kept sequence; ``last`` + 1 when empty.
    public var first: UInt64
    /// Last assigned sequence; 0 for a new stream.
    public var last: UInt64
    /// Size limit in bytes; nil for no limit.
    public var limit: Int64?
    /// When the stream was created, which identifies it.
    public var life: UInt64

    /// Creates bounds.
    public init(first: UInt64, last: UInt64, limit: Int64?, life: UInt64) {
        self.first = first
        self.last = last
        self.limit = limit
        self.life = life
    }
}

extension SideStreamBounds {
    init(_ info: StreamInfo) {
        let limit = info.configuration.maxBytes
        self.init(first: info.state.firstKept, last: info.state.lastSequence, limit: limit > 0 ? limit : nil, life: info.created)
    }
}
