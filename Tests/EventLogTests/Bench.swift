import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit

/// A real nats-server, a connection and the log on it.
final class Bench: Sendable {
    let server: NATSServer
    let connection: NATSConnection
    let log: EventLog

    /// The log's configuration on a server of the test kit.
    static var configuration: EventLogConfiguration {
        var configuration = EventLogConfiguration()
        configuration.maxBytes = 1 << 30
        // A busy machine answers slowly; a retried append finds its own event and reports a duplicate.
        configuration.requestTimeout = .seconds(10)
        return configuration
    }

    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(configure: (inout EventLogConfiguration) -> Void = { _ in }) async throws {
        server = try await NATSServer()
        connection = try await Self.connect(to: server)
        var configuration = Self.configuration
        configure(&configuration)
        log = try await EventLog.open(on: connection, configuration: configuration, logger: Self.logger)
    }

    var jetStream: JetStream { JetStream(connection) }

    static func connect(to server: NATSServer) async throws -> NATSConnection {
        try await NATSConnection.connect(
            NATSConfiguration(
                servers: [server.url],
                reconnectWait: .milliseconds(20),
                reconnectJitter: .milliseconds(1),
                // The server may stand still for seconds while the machine writes to its disk.
                pingInterval: .seconds(15),
                sendAsap: true
            ),
            logger: logger
        )
    }

    /// Simulates a second process.
    func another(configure: (inout EventLogConfiguration) -> Void = { _ in }) async throws -> EventLog {
        var configuration = log.configuration
        configure(&configuration)
        return try await EventLog.open(on: try await Self.connect(to: server), configuration: configuration, logger: Self.logger)
    }

    /// Runs a feed for as long as `body` does.
    func withFeed<Result>(
        tailBytes: Int = 64 << 20,
        _ body: (LogFeed, Recorder) async throws -> Result
    ) async throws -> Result {
        let recorder = Recorder(epoch: log.epoch)
        let feed = LogFeed(log: log, tailBytes: tailBytes, observer: recorder, logger: Self.logger)
        let run = Task { try await feed.run() }
        do {
            let result = try await body(feed, recorder)
            run.cancel()
            try await run.value
            return result
        } catch {
            run.cancel()
            throw error
        }
    }

    /// Deletes a message without notifying any reader.
    func delete(_ sequence: UInt64) async throws {
        try await request("STREAM.MSG.DELETE", #"{"seq":\#(sequence)}"#)
    }

    /// Drops all that is older than `first`.
    func purge(before first: UInt64) async throws {
        try await request("STREAM.PURGE", #"{"seq":\#(first)}"#)
    }

    private func request(_ operation: String, _ body: String) async throws {
        let subject = "$JS.API.\(operation).\(log.configuration.streamName)"
        let answer = try await connection.request(subject: subject, payload: Array(body.utf8))
        guard String(decoding: answer.payload, as: UTF8.self).contains(#""success":true"#) else {
            throw EventLogError(code: .rejected, message: String(decoding: answer.payload, as: UTF8.self))
        }
    }

    /// Publishes an event of an execution as any client of the bus can.
    func forge(_ reference: ExecutionReference, run: String, number: String, headers: [String: String] = [:]) async throws {
        var all = NATSHeaders()
        all.append("ce-type", "progress")
        all.append("causeway-execution", run)
        all.append("causeway-number", number)
        for (name, value) in headers { all.append(name, value) }
        _ = try await jetStream.publish(subject: reference.subject, headers: all, payload: Array(#"{"progress":0.5}"#.utf8))
    }

    /// Fills the log quickly: `count` events, spread over the tenants in turn. Returns the cursors.
    @discardableResult
    func fill(_ count: Int, tenants: [String] = ["acme"], payloadBytes: Int = 0) async throws -> [Appended] {
        let filler = String(repeating: "x", count: payloadBytes)
        let events = try (0..<count).map { index in
            try Fixture.event(
                "fill-\(index)",
                tenant: tenants[index % tenants.count],
                payload: #"{"incidentId":"i-\#(index)","filler":"\#(filler)"}"#
            )
        }
        return try await log.append(contentsOf: events, intake: Fixture.time, timeout: .seconds(60))
    }
}

/// Records a feed's reports, and whether they obey the protocol.
final class Recorder: LogObserver {
    struct State {
        var epoch: UInt16
        var entries: [LogEntry] = []
        var position: UInt64 = 0
        var replacements: [(epoch: UInt16, position: UInt64)] = []
        /// The violations of the protocol.
        var violations: [String] = []
        var retention: LogRetention?
    }

    let state: Mutex<State>

    init(epoch: UInt16) {
        state = Mutex(State(epoch: epoch))
    }

    var ids: [String] { state.withLock { $0.entries.map(\.event.id.text) } }
    var sequences: [UInt64] { state.withLock { $0.entries.map(\.sequence) } }
    var count: Int { state.withLock { $0.entries.count } }
    var position: UInt64 { state.withLock { $0.position } }
    var violations: [String] { state.withLock { $0.violations } }

    func logAppended(_ entry: LogEntry) {
        state.withLock { state in
            if entry.sequence <= state.position { state.violations.append("\(entry.sequence) after \(state.position)") }
            state.entries.append(entry)
            state.position = entry.sequence
        }
    }

    func logAdvanced(to sequence: UInt64, time: Timestamp?) {
        state.withLock { state in
            if sequence < state.position { state.violations.append("back to \(sequence) from \(state.position)") }
            state.position = sequence
        }
    }

    /// The log's retention as last reported by the feed.
    var retention: LogRetention? { state.withLock { $0.retention } }

    func logTrimmed(to retention: LogRetention) {
        state.withLock { $0.retention = retention }
    }

    func logReplaced(epoch: UInt16, position: UInt64) {
        state.withLock { state in
            state.epoch = epoch
            state.position = position
            state.replacements.append((epoch, position))
        }
    }
}

/// Hands every line to a closure.
struct LineHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    private let take: @Sendable (String) -> Void

    init(_ take: @escaping @Sendable (String) -> Void) {
        self.take = take
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        take("\(event.level) \(event.message) \(event.metadata ?? [:])")
    }
}

/// Counts on the bus's threads.
final class Count: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }
    func add() { count.add(1, ordering: .relaxed) }
}

/// Follows one execution.
final class ExecutionRecorder: LogObserver {
    private let subject: String
    private let entries = Mutex<[LogEntry]>([])

    init(_ subject: String) {
        self.subject = subject
    }

    var numbers: [UInt64] { entries.withLock { $0.compactMap { $0.execution?.number.value } } }

    func followsExecution(on subject: UnsafeRawBufferPointer) -> Bool { subject.elementsEqual(self.subject.utf8) }
    func executionAppended(_ entry: LogEntry) { entries.withLock { $0.append(entry) } }
    func logAppended(_ entry: LogEntry) {}
    func logAdvanced(to sequence: UInt64, time: Timestamp?) {}
    func logReplaced(epoch: UInt16, position: UInt64) {}
}

/// Stands in for a cluster of nats-server 2.11 in which other writes to a subject are in flight: while the log's stream does not take the subject,
/// it answers the first messages with error 10164, and then gives the subject back.
final class BusyCluster: Sendable {
    private let count = Count()
    private let subscription: NATSSubscription

    init(_ bench: Bench, subject: String, refusals: Int) async throws {
        let connection = try await Bench.connect(to: bench.server)
        let jetStream = JetStream(connection)
        let stream = try await jetStream.streamInfo(bench.log.configuration.streamName).configuration
        var elsewhere = stream
        elsewhere.subjects = ["elsewhere"]
        _ = try await jetStream.updateStream(elsewhere)
        let count = count
        subscription = try connection.subscribe(subject) { delivery in
            guard let reply = delivery.reply, count.value < refusals else { return }
            count.add()
            let refusal = #"{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"\#(stream.name)","seq":0}"#
            if count.value < refusals {
                try? connection.publish(subject: reply, payload: Array(refusal.utf8))
                return
            }
            Task {
                _ = try await jetStream.updateStream(stream)
                try connection.publish(subject: reply, payload: Array(refusal.utf8))
            }
        }
        try await connection.flush()
    }

    /// How many messages were refused.
    var refused: Int { count.value }
}
