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
        // On a busy machine an answer takes its time; an append that is tried again finds itself and says so.
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
            NATSConfiguration(servers: [server.url], reconnectWait: .milliseconds(20), reconnectJitter: .milliseconds(1), sendAsap: true),
            logger: logger
        )
    }

    /// A second process, as it were.
    func another() async throws -> EventLog {
        try await EventLog.open(on: try await Self.connect(to: server), configuration: log.configuration, logger: Self.logger)
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

/// Remembers what a feed told, and whether it kept its promises.
final class Recorder: LogObserver {
    struct State {
        var epoch: UInt16
        var entries: [LogEntry] = []
        var position: UInt64 = 0
        var replacements: [(epoch: UInt16, position: UInt64)] = []
        /// What a feed must never do.
        var violations: [String] = []
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

    func logAdvanced(to sequence: UInt64) {
        state.withLock { state in
            if sequence < state.position { state.violations.append("back to \(sequence) from \(state.position)") }
            state.position = sequence
        }
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
    func logAdvanced(to sequence: UInt64) {}
    func logReplaced(epoch: UInt16, position: UInt64) {}
}
