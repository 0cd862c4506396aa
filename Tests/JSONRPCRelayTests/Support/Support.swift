import Basics
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit

@testable import jsonrpc_relay

/// SplitMix64: the same seed gives the same sequence on every machine, so that a failing case can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// ULIDs of a fixed time and a seeded generator.
func ulids(seed: UInt64 = 1) -> @Sendable () -> String {
    let generator = Mutex(SeededGenerator(seed: seed))
    return { generator.withLock { ULID.generate(time: Timestamp(millisecondsSinceEpoch: 1_711_981_930_000), using: &$0) } }
}

func makeEngine(limits: RelayEngine.Limits = RelayEngine.Limits()) -> RelayEngine {
    RelayEngine(limits: limits, makeULID: ulids())
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

extension RelayEngine {
    mutating func receive(_ text: String) -> [RelayOutput] { receive(bytes(text)) }

    /// The one text that is sent for what is received.
    mutating func answer(_ text: String) -> String? { receive(text).sent.first }
}

extension [RelayOutput] {
    var sent: [String] { compactMap { if case .send(let text) = $0 { string(text) } else { nil } } }
    var commands: [RelayCommand] { compactMap { if case .command(let command) = $0 { command } else { nil } } }
    var subscriptions: [Subscription] { compactMap { if case .subscribed(let subscription, _) = $0 { subscription } else { nil } } }
}

/// A logger that says nothing.
let quiet = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

/// A connection to a test's server that finds it again quickly.
func connect(_ server: NATSServer) async throws -> NATSConnection {
    let configuration = NATSConfiguration(
        servers: [server.url],
        name: "test",
        reconnectWait: .milliseconds(20),
        reconnectJitter: .milliseconds(5)
    )
    return try await NATSConnection.connect(configuration, logger: quiet)
}

/// What handlers on other threads have collected.
final class Collected<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])

    var all: [Value] { values.withLock { $0 } }

    func append(_ value: Value) {
        values.withLock { $0.append(value) }
    }
}
