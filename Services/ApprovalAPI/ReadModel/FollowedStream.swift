import Basics
import EventLog
import NATSClient

/// A stream beside the log that the read model follows.
struct FollowedStream: Sendable {
    private let jetStream: JetStream
    /// The stream, for readiness checks.
    let store: SideStream

    init(_ store: SideStream, beside log: EventLog, on connection: NATSConnection) {
        self.store = store
        jetStream = JetStream(connection, timeout: log.configuration.requestTimeout)
    }

    /// Returns the stream's first and last sequence and its limit. Creates the stream if absent.
    func bounds() async throws(EventLogError) -> SideStreamBounds {
        SideStreamBounds(try await store.ensure())
    }

    /// Returns whether the stream still has the last message read: a stream restored from an older copy has another at its sequence. Nil when the
    /// sequence is absent.
    func recognises(_ stamp: LogStamp) async throws(EventLogError) -> Bool? {
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
    func publish(
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

    /// Creates a consumer behind a sequence, for ``next(of:waiting:atMost:)``.
    func reading(after sequence: UInt64) async throws(EventLogError) -> ConsumerInfo {
        var consumer = ConsumerConfiguration()
        consumer.deliverPolicy = .startSequence(sequence + 1)
        consumer.ackPolicy = .all
        consumer.inactiveThreshold = .seconds(60)
        consumer.memoryStorage = true
        consumer.replicas = 1
        do throws(JetStreamError) {
            return try await jetStream.createConsumer(stream: store.name, consumer)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Pulls the next messages: those known to wait, or the first one that arrives.
    func next(of reading: ConsumerInfo, waiting: UInt64, atMost limit: Duration) async throws(EventLogError) -> [JetStreamMessage] {
        let batch = max(1, min(Int(clamping: waiting), 500))
        do throws(JetStreamError) {
            return try await jetStream.nextMessages(stream: store.name, consumer: reading.name, batch: batch, wait: limit)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Acknowledges all messages up to this one.
    func acknowledge(_ message: JetStreamMessage) async throws(EventLogError) {
        do throws(JetStreamError) {
            try await jetStream.acknowledge(message)
        } catch {
            throw EventLogError(error)
        }
    }
}

/// The stream's bounds at one moment.
struct SideStreamBounds: Sendable, Equatable {
    /// First kept sequence; ``last`` + 1 when empty.
    var first: UInt64
    /// Last assigned sequence; 0 for a new stream.
    var last: UInt64
    /// Size limit in bytes; nil for no limit.
    var limit: Int64?
    /// When the stream was created, which identifies it.
    var life: UInt64
}

extension SideStreamBounds {
    init(_ info: StreamInfo) {
        let limit = info.configuration.maxBytes
        self.init(first: info.state.firstKept, last: info.state.lastSequence, limit: limit > 0 ? limit : nil, life: info.created)
    }
}
