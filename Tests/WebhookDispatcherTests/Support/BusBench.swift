import EventLog
import Logging
import NATSClient
import Synchronization
import TestKit

/// A nats-server, and connections of several processes to it. Keep it to the end of the test.
final class BusBench: Sendable {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let server: NATSServer

    init() async throws {
        server = try await NATSServer()
    }

    /// The connection of a process.
    func connect() async throws -> NATSConnection {
        // The server may stand still for seconds while the machine writes to its disk.
        let bus = NATSConfiguration(servers: [server.url], pingInterval: .seconds(15), sendAsap: true)
        return try await NATSConnection.connect(bus, logger: Self.logger)
    }

    /// The log as a process has opened it.
    func openLog() async throws -> EventLog {
        var configuration = EventLogConfiguration()
        configuration.maxBytes = 1 << 30
        configuration.requestTimeout = .seconds(10)
        return try await EventLog.open(on: connect(), configuration: configuration, logger: Self.logger)
    }
}

/// A clock that a test moves.
final class ManualClock: Sendable {
    private let instant = Mutex(ContinuousClock.now)

    var now: ContinuousClock.Instant { instant.withLock { $0 } }

    func advance(by duration: Duration) {
        instant.withLock { $0 += duration }
    }
}
