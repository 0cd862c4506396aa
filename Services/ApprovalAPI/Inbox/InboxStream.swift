import Basics
import EventLog
import NATSClient

/// The stream of the read marks, `INBOX`.
///
/// Apart from the log, because marks are nobody's events: no edge delivers them, and no cursor counts them.
struct InboxStream: Sendable {
    private let jetStream: JetStream
    /// The stream, as readiness looks at it.
    let store: SideStream

    /// The stream's name.
    static let name = EventLogConfiguration.inboxName

    /// - Parameter log: marks are kept like the events that they mark, and so as long.
    init(beside log: EventLog, on connection: NATSConnection) {
        jetStream = JetStream(connection, timeout: log.configuration.requestTimeout)
        var configuration = StreamConfiguration(name: Self.name, subjects: ["\(ReadMark.prefix).>"])
        configuration.description = "Causeway: what each user has read"
        configuration.maxAge = log.configuration.maxAge ?? .zero
        configuration.maxBytes = log.configuration.inboxBytes ?? -1
        store = SideStream(beside: log, configuration)
    }

    /// The stream's first and last sequence, and its limit. Creates the stream if it is missing.
    func bounds() async throws(EventLogError) -> InboxBounds {
        InboxBounds(try await store.ensure())
    }

    /// Whether the stream still holds the mark that was read last: one that was restored from an older copy has another at its place. Nil when
    /// the place holds nothing.
    func recognises(_ stamp: LogStamp) async throws(EventLogError) -> Bool? {
        do throws(JetStreamError) {
            return try await jetStream.message(stream: Self.name, sequence: stamp.sequence).timestamp == stamp.storedAt
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
    }

    /// Stores a mark, if need be through a short outage: a mark that is stored twice marks once.
    ///
    /// - Returns: its place.
    func publish(_ mark: ReadMark, within timeout: Duration) async throws -> UInt64 {
        let body = try mark.body()
        let deadline = ContinuousClock.now.advanced(by: timeout)
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                if let ack = try await store.publish(subject: mark.subject, payload: body) { return ack.sequence }
                // Nothing is expected of the subject's last message, so that the answer is an acknowledgement.
                throw .unavailable("The read mark was not acknowledged.")
            } catch {
                let wait = pause.pause()
                guard error.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                try await Task.sleep(for: wait)
            }
        }
    }

    /// Begins a reading of the marks behind a place; its messages are pulled with ``next(of:waiting:atMost:)``.
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

    /// The next marks: as many as are known to wait, or the first one that comes.
    func next(of reading: ConsumerInfo, waiting: UInt64, atMost limit: Duration) async throws(EventLogError) -> [JetStreamMessage] {
        let batch = max(1, min(Int(clamping: waiting), 500))
        do throws(JetStreamError) {
            return try await jetStream.nextMessages(stream: Self.name, consumer: reading.name, batch: batch, wait: limit)
        } catch {
            throw EventLogError(error)
        }
    }

    /// Tells the server that all up to this one were taken in.
    func acknowledge(_ message: JetStreamMessage) async throws(EventLogError) {
        do throws(JetStreamError) {
            try await jetStream.acknowledge(message)
        } catch {
            throw EventLogError(error)
        }
    }
}

/// What the stream of the read marks keeps at one moment.
struct InboxBounds: Sendable, Equatable {
    /// The first mark that is kept; one more than ``last`` when none is.
    var first: UInt64
    /// The last place that was given out; 0 when there was never a mark.
    var last: UInt64
    /// How many bytes it keeps at most; nil for no limit.
    var limit: Int64?
}

extension InboxBounds {
    init(_ info: StreamInfo) {
        let limit = info.configuration.maxBytes
        self.init(first: info.state.firstKept, last: info.state.lastSequence, limit: limit > 0 ? limit : nil)
    }
}
