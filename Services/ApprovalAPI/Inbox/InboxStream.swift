import Basics
import EventLog
import Logging
import NATSClient

/// The stream of the read marks, `INBOX`.
///
/// Apart from the log, because marks are nobody's events: no edge delivers them, and no cursor counts them.
struct InboxStream: Sendable {
    private let jetStream: JetStream
    private let configuration: StreamConfiguration
    private let logger: Logger

    /// The stream's name.
    static let name = EventLogConfiguration.inboxName

    /// - Parameter log: marks are kept like the events that they mark, and so as long.
    init(on connection: NATSConnection, like log: EventLogConfiguration, logger: Logger) {
        jetStream = JetStream(connection, timeout: log.requestTimeout)
        self.logger = logger
        var configuration = StreamConfiguration(name: Self.name, subjects: ["\(ReadMark.prefix).>"])
        configuration.description = "Causeway: what each user has read"
        configuration.storage = log.storage == .file ? .file : .memory
        configuration.replicas = log.replicas
        configuration.maxAge = log.maxAge ?? .zero
        configuration.maxBytes = log.inboxBytes ?? -1
        self.configuration = configuration
    }

    /// The stream, which is made if there is none. One that is there stays as it is.
    func info() async throws(JetStreamError) -> StreamInfo {
        do throws(JetStreamError) {
            return try await jetStream.streamInfo(Self.name)
        } catch {
            guard error.code == .streamNotFound else { throw error }
        }
        do throws(JetStreamError) {
            let info = try await jetStream.createStream(configuration)
            logger.notice("created the stream of the read marks", metadata: ["inbox.stream": "\(Self.name)"])
            return info
        } catch {
            // Another replica was quicker.
            guard error.code == .streamNameInUse else { throw error }
            return try await jetStream.streamInfo(Self.name)
        }
    }

    /// What the stream keeps now.
    func bounds() async throws(JetStreamError) -> InboxBounds {
        InboxBounds(try await info().state)
    }

    /// Whether the stream still holds the mark that was read last: one that was restored from an older copy has another at its place. Nil when
    /// the place holds nothing.
    func recognises(_ stamp: LogStamp) async throws(JetStreamError) -> Bool? {
        do throws(JetStreamError) {
            return try await jetStream.message(stream: Self.name, sequence: stamp.sequence).timestamp == stamp.storedAt
        } catch {
            guard error.code == .messageNotFound else { throw error }
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
            do throws(JetStreamError) {
                return try await jetStream.publish(subject: mark.subject, payload: body).sequence
            } catch {
                let wait = pause.pause()
                guard error.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                if error.code == .noResponders { _ = try? await info() }
                try await Task.sleep(for: wait)
            }
        }
    }

    /// Begins a reading of the marks behind a place; its messages are pulled with ``next(of:waiting:atMost:)``.
    func reading(after sequence: UInt64) async throws(JetStreamError) -> ConsumerInfo {
        var consumer = ConsumerConfiguration()
        consumer.deliverPolicy = .startSequence(sequence + 1)
        consumer.ackPolicy = .all
        consumer.inactiveThreshold = .seconds(60)
        consumer.memoryStorage = true
        consumer.replicas = 1
        return try await jetStream.createConsumer(stream: Self.name, consumer)
    }

    /// The next marks: as many as are known to wait, or the first one that comes.
    func next(of reading: ConsumerInfo, waiting: UInt64, atMost limit: Duration) async throws(JetStreamError) -> [JetStreamMessage] {
        let batch = max(1, min(Int(clamping: waiting), 500))
        return try await jetStream.nextMessages(stream: Self.name, consumer: reading.name, batch: batch, wait: limit)
    }

    /// Tells the server that all up to this one were taken in.
    func acknowledge(_ message: JetStreamMessage) async throws(JetStreamError) {
        try await jetStream.acknowledge(message)
    }
}

/// What the stream of the read marks keeps at one moment.
struct InboxBounds: Sendable, Equatable {
    /// The first mark that is kept; one more than ``last`` when none is.
    var first: UInt64
    /// The last place that was given out; 0 when there was never a mark.
    var last: UInt64
}

extension InboxBounds {
    init(_ state: StreamInfo.State) {
        self.init(first: state.messages == 0 ? state.lastSequence + 1 : state.firstSequence, last: state.lastSequence)
    }
}
