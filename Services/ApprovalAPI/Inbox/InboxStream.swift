import Basics
import EventLog
import NATSClient

/// The read marks' stream, `INBOX`.
///
/// Separate from the log, because marks are not events: edges do not deliver them and cursors do not count them.
struct InboxStream: Sendable {
    private let jetStream: JetStream
    /// The stream, for readiness checks.
    let store: SideStream

    /// The stream's name.
    static let name = EventLogConfiguration.inboxName

    /// - Parameter log: the log; marks are kept for as long as the events that they mark.
    init(beside log: EventLog, on connection: NATSConnection) {
        jetStream = JetStream(connection, timeout: log.configuration.requestTimeout)
        var configuration = StreamConfiguration(name: Self.name, subjects: ["\(ReadMark.prefix).>"])
        configuration.description = "Causeway: what each user has read"
        configuration.maxAge = log.configuration.maxAge ?? .zero
        configuration.maxBytes = log.configuration.inboxBytes ?? -1
        store = SideStream(beside: log, configuration)
    }

    /// Returns the stream's first and last sequence and its limit. Creates the stream if absent.
    func bounds() async throws(EventLogError) -> InboxBounds {
        InboxBounds(try await store.ensure())
    }

    /// Returns whether the stream still has the last mark read: a stream restored from an older copy has another at its sequence. Nil when the
    /// sequence is absent.
    func recognises(_ stamp: LogStamp) async throws(EventLogError) -> Bool? {
        do throws(JetStreamError) {
            return try await jetStream.message(stream: Self.name, sequence: stamp.sequence).timestamp == stamp.storedAt
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// Stores a mark, with retries through a short outage: marks are idempotent.
    ///
    /// - Returns: its sequence.
    func publish(_ mark: ReadMark, within timeout: Duration) async throws -> UInt64 {
        let body = try mark.body()
        let deadline = ContinuousClock.now.advanced(by: timeout)
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                if let ack = try await store.publish(subject: mark.subject, payload: body) { return ack.sequence }
                // Without compare-and-set there is always an acknowledgement.
                throw .unavailable("The read mark was not acknowledged.")
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
            return try await jetStream.createConsumer(stream: Self.name, consumer)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Pulls the next marks: those known to wait, or the first one that arrives.
    func next(of reading: ConsumerInfo, waiting: UInt64, atMost limit: Duration) async throws(EventLogError) -> [JetStreamMessage] {
        let batch = max(1, min(Int(clamping: waiting), 500))
        do throws(JetStreamError) {
            return try await jetStream.nextMessages(stream: Self.name, consumer: reading.name, batch: batch, wait: limit)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Acknowledges all marks up to this one.
    func acknowledge(_ message: JetStreamMessage) async throws(EventLogError) {
        do throws(JetStreamError) {
            try await jetStream.acknowledge(message)
        } catch {
            throw EventLogError(error)
        }
    }
}

/// The stream's bounds at one moment.
struct InboxBounds: Sendable, Equatable {
    /// First kept sequence; ``last`` + 1 when empty.
    var first: UInt64
    /// Last assigned sequence; 0 for a new stream.
    var last: UInt64
    /// Size limit in bytes; nil for no limit.
    var limit: Int64?
}

extension InboxBounds {
    init(_ info: StreamInfo) {
        let limit = info.configuration.maxBytes
        self.init(first: info.state.firstKept, last: info.state.lastSequence, limit: limit > 0 ? limit : nil)
    }
}
