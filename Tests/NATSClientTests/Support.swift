import Logging
import NATSClient
import Synchronization
import TestKit

/// A connection to a test's server that finds it again quickly.
func connect(_ server: NATSServer, _ change: (inout NATSConfiguration) -> Void = { _ in }) async throws -> NATSConnection {
    var configuration = NATSConfiguration(
        servers: [server.url],
        name: "test",
        reconnectWait: .milliseconds(20),
        reconnectJitter: .milliseconds(5)
    )
    change(&configuration)
    return try await NATSConnection.connect(configuration, logger: quiet)
}

/// A logger that says nothing.
let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// What handlers on other threads have collected.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var all: [Value] { values.withLock { $0 } }
    var count: Int { values.withLock { $0.count } }

    func append(_ value: Value) {
        values.withLock { $0.append(value) }
    }
}

/// An object whose release can be seen.
final class Witness: Sendable {}

/// A logger whose lines can be looked at.
func logger(into lines: Collected<String>) -> Logger {
    Logger(label: "test", factory: { _ in CollectingLogHandler(lines: lines) })
}

private struct CollectingLogHandler: LogHandler {
    let lines: Collected<String>
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        lines.append(
            "\(event.level) \(event.message) \(metadata.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
        )
    }
}
