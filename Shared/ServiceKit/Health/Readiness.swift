import Synchronization

/// Tracks whether a process can serve: the state behind `/readyz`.
///
/// Ready while all named conditions hold and it is not draining. Draining is final.
/// Any thread.
public final class Readiness: Sendable {
    /// The status of a condition.
    public enum Status: Sendable, Hashable {
        case ready
        /// Not met, with the reason.
        case notReady(String)
    }

    /// A snapshot of the readiness.
    public struct Report: Sendable, Hashable {
        /// A condition and its status.
        public struct Condition: Sendable, Hashable {
            /// The condition's name.
            public let name: String
            /// Its status.
            public let status: Status
        }

        /// The conditions, sorted by name.
        public let conditions: [Condition]
        /// Whether the process is draining.
        public let isDraining: Bool
        /// The notes of ``Readiness/note(_:_:)``, by name.
        public let notes: [String: String]

        /// Whether requests should be routed here.
        public var isReady: Bool {
            !isDraining && conditions.allSatisfy { $0.status == .ready }
        }
    }

    private struct State {
        var conditions: [String: @Sendable () -> Status] = [:]
        var notes: [String: String] = [:]
        var isDraining = false
    }

    private let state = Mutex(State())

    /// Creates a readiness without conditions: ready, until one is added.
    public init() {}

    /// Adds or updates a condition with a fixed status.
    public func set(_ condition: String, _ status: Status) {
        state.withLock { $0.conditions[condition] = { status } }
    }

    /// Adds a condition that is evaluated per request. `check` runs on the caller's thread and must not block.
    public func observe(_ condition: String, _ check: @escaping @Sendable () -> Status) {
        state.withLock { $0.conditions[condition] = check }
    }

    /// Adds information that does not affect readiness, such as the log's replication.
    public func note(_ name: String, _ text: String) {
        state.withLock { $0.notes[name] = text }
    }

    /// Sets it not ready for good: the process is stopping.
    public func beginDraining() {
        state.withLock { $0.isDraining = true }
    }

    /// Whether ``beginDraining()`` was called.
    public var isDraining: Bool {
        state.withLock(\.isDraining)
    }

    /// Evaluates all conditions.
    public var report: Report {
        let state = state.withLock(\.self)
        return Report(
            conditions: state.conditions.sorted { $0.key < $1.key }.map { Report.Condition(name: $0.key, status: $0.value()) },
            isDraining: state.isDraining,
            notes: state.notes
        )
    }
}
