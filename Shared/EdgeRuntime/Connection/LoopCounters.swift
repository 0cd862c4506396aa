import Synchronization

/// A counter that one thread writes and any thread reads; as cheap as a plain integer for the writer.
struct LoopCounter: ~Copyable, Sendable {
    private let value = Atomic<Int>(0)

    var current: Int { self.value.load(ordering: .relaxed) }

    /// Adds `amount`. Called on the loop's thread only, so no read-modify-write instruction is needed.
    func add(_ amount: Int) { self.value.store(self.value.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }

    /// As ``add(_:)``.
    func set(_ amount: Int) { self.value.store(amount, ordering: .relaxed) }
}

/// The result of resolving a cursor. Contract §3.
enum ResumeOutcome: String, Sendable, CaseIterable {
    case resumed
    case expired
    case unknownCursor = "unknown_cursor"

    init?(_ start: StreamStart) {
        switch start {
        case .live: return nil
        case .after: self = .resumed
        case .expired: self = .expired
        case .unknownCursor, .unknownCursorGoingOn: self = .unknownCursor
        }
    }
}

/// The counters of a loop. Written on its thread, read by the scrape.
final class LoopCounters: Sendable {
    let connections = LoopCounter()
    /// Streams opened by the loop that accepted the connection.
    let quickOpenings = LoopCounter()
    let deliveries = LoopCounter()
    let bytes = LoopCounter()
    let heartbeats = LoopCounter()
    let blockedWrites = LoopCounter()
    let tailReads = LoopCounter()
    let logReads = LoopCounter()
    let gaps = LoopCounter()
    /// Connections with full sockets.
    let laggards = LoopCounter()
    let latency = LatencyCounter()
    private let closes = Mutex<[Ending.Kind: Int]>([:])
    private let resumes = Mutex<[ResumeOutcome: Int]>([:])
    private let renewals = Mutex<[RenewalOutcome: Int]>([:])

    /// Counts the end of a connection.
    func closed(_ ending: Ending) { self.closes.withLock { $0[ending.kind, default: 0] += 1 } }

    /// Ended connections so far, by kind of ending.
    var closesByKind: [Ending.Kind: Int] { self.closes.withLock { $0 } }

    /// Counts a resolved cursor; a connection without one does not count.
    func resumed(_ start: StreamStart) {
        guard let outcome = ResumeOutcome(start) else { return }
        self.resumes.withLock { $0[outcome, default: 0] += 1 }
    }

    /// Counts an attempt to renew a token.
    func attempted(_ outcome: RenewalOutcome) { self.renewals.withLock { $0[outcome, default: 0] += 1 } }

    /// Attempts to renew a token so far, by outcome.
    var renewalsByOutcome: [RenewalOutcome: Int] { self.renewals.withLock { $0 } }

    /// Resolved cursors so far, by outcome.
    var resumesByOutcome: [ResumeOutcome: Int] { self.resumes.withLock { $0 } }
}
