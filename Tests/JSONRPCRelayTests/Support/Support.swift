import Basics
import EdgeRuntime
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit

@testable import jsonrpc_relay

/// ULIDs of a fixed time and a seeded generator.
func ulids(seed: UInt64 = 1) -> @Sendable () -> String {
    let generator = Mutex(SplitMix64(seed: seed))
    return { generator.withLock { ULID.generate(time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000), using: &$0) } }
}

func makeEngine() -> RelayEngine { RelayEngine() }

private let nextULID = ulids()

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

extension RelayEngine {
    mutating func receive(_ text: [UInt8], now: MonotonicInstant = .now()) -> [RelayOutput] {
        receive(text, from: ConversationClient(tenant: "acme", user: "ann", position: 0, end: 0), now: now, makeULID: nextULID)
    }

    mutating func receive(_ text: String) -> [RelayOutput] { receive(bytes(text)) }

    /// Returns the only text sent in response to a text.
    mutating func answer(_ text: String) -> String? { receive(text).sent.first }
}

extension [RelayOutput] {
    var sent: [String] { compactMap { if case .send(let text) = $0 { string(text) } else { nil } } }
    var commands: [RelayCommand] { compactMap { if case .command(let command) = $0 { command } else { nil } } }
    /// The subscriptions whose cursors are to be resolved.
    var resumed: [SubscriptionID] { compactMap { if case .resume(let id, _) = $0 { id } else { nil } } }
}

/// A logger without output.
let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A connection to a test's server that reconnects quickly.
func connect(_ server: NATSServer) async throws -> NATSConnection {
    let configuration = NATSConfiguration(
        servers: [server.url],
        name: "test",
        reconnectWait: .milliseconds(20),
        reconnectJitter: .milliseconds(5)
    )
    return try await NATSConnection.connect(configuration, logger: quiet)
}

/// Values collected by handlers on other threads.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var all: [Value] { values.withLock { $0 } }

    func append(_ value: Value) {
        values.withLock { $0.append(value) }
    }
}
