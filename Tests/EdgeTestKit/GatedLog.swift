public import Basics
public import EdgeRuntime
public import EventLog
public import EventModel
import Synchronization
import TestKit

/// The log that an edge reads, whose answers about its bounds a test holds back or refuses.
public final class GatedLog: LogReading {
    /// What a request for the bounds gets.
    public enum Gate: Sendable {
        case open, closed, failing
    }

    /// The state of the gate, and the numbers of requests and answers so far.
    private let state = Mutex((gate: Gate.open, requests: 0, answers: 0))
    private let log: EventLog

    init(_ log: EventLog) { self.log = log }

    /// Moves the gate. Requests that it held back go on.
    public func set(_ gate: Gate) { state.withLock { $0.gate = gate } }

    /// The number of requests for the bounds so far.
    public var requests: Int { state.withLock { $0.requests } }

    /// The number of those that were answered.
    public var answers: Int { state.withLock { $0.answers } }

    /// Waits while the gate is closed.
    public func bounds() async throws(EventLogError) -> LogBounds {
        state.withLock { $0.requests += 1 }
        _ = await eventually { state.withLock { $0.gate } != .closed }
        defer { state.withLock { $0.answers += 1 } }
        guard state.withLock({ $0.gate }) == .open else { throw .unavailable("The test refuses it.") }
        return try await log.bounds()
    }

    /// As the log.
    public func read(_ source: LogSource, after: UInt64, through: UInt64, maxBytes: Int) async throws(EventLogError) -> LogRead {
        try await log.read(source, after: after, through: through, maxBytes: maxBytes)
    }

    /// As the log.
    public func execution(of reference: ExecutionReference) async throws(EventLogError) -> ExecutionTail? {
        try await log.execution(of: reference)
    }

    /// As the log.
    public func content(at sequence: UInt64) async throws(EventLogError) -> LogPlaceContent { try await log.content(at: sequence) }

    /// As the log.
    public func firstCursor(of tenant: Tenant, after sequence: UInt64) async throws(EventLogError) -> Cursor? {
        try await log.firstCursor(of: tenant, after: sequence)
    }
}
