import Synchronization

/// Whether a process can serve: what `/readyz` answers.
///
/// A process is ready while every one of its named conditions holds and it is not draining. Draining is final.
/// May be used from any thread.
public final class Readiness: Sendable {
    /// Whether one condition holds.
    public enum Status: Sendable, Hashable {
        case ready
        /// It does not hold; a few words say why.
        case notReady(String)
    }

    /// Readiness at one moment.
    public struct Report: Sendable, Hashable {
        public struct Condition: Sendable, Hashable {
            public let name: String
            public let status: Status
        }

        /// In alphabetical order.
        public let conditions: [Condition]
        public let isDraining: Bool
        /// What ``Readiness/note(_:_:)`` was told, by name.
        public let notes: [String: String]

        /// Whether requests should be sent here.
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

    /// Adds a condition, or sets one that was there, to a status that lasts until it is set again.
    public func set(_ condition: String, _ status: Status) {
        state.withLock { $0.conditions[condition] = { status } }
    }

    /// Adds a condition that is looked at whenever somebody asks. `check` runs on the asker's thread, and must not block.
    public func observe(_ condition: String, _ check: @escaping @Sendable () -> Status) {
        state.withLock { $0.conditions[condition] = check }
    }

    /// Says something about the process that does not decide, such as how durable its log is.
    public func note(_ name: String, _ text: String) {
        state.withLock { $0.notes[name] = text }
    }

    /// From now on, and for good, not ready: the process is stopping.
    public func beginDraining() {
        state.withLock { $0.isDraining = true }
    }

    /// Whether ``beginDraining()`` was called.
    public var isDraining: Bool {
        state.withLock(\.isDraining)
    }

    /// Looks at every condition.
    public var report: Report {
        let state = state.withLock(\.self)
        return Report(
            conditions: state.conditions.sorted { $0.key < $1.key }.map { Report.Condition(name: $0.key, status: $0.value()) },
            isDraining: state.isDraining,
            notes: state.notes
        )
    }
}
