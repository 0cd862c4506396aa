import Synchronization

/// Coalesces concurrent calls of one operation. At most one runs at a time.
///
/// ``value()`` never returns a result that was requested before the caller asked: calls that come while the operation runs share the next run.
/// ``joined()`` shares the run under way, for results that do not age while they are fetched, such as an open connection.
package final class SingleFlight<Value: Sendable>: Sendable {
    private typealias Flight = OneShot<Result<Value, any Error>>

    private struct State {
        var current: Flight?
        var next: Flight?
    }

    private let operation: @Sendable () async throws -> Value
    private let state = Mutex(State())

    /// - Parameter operation: Runs in an unstructured task, unaffected by a caller's cancellation.
    package init(_ operation: @escaping @Sendable () async throws -> Value) {
        self.operation = operation
    }

    /// Number of calls waiting for the next run.
    package var waiterCount: Int { state.withLock { $0.next }?.waiterCount ?? 0 }

    /// Number of calls waiting for the run under way.
    package var joinedCount: Int { state.withLock { $0.current }?.waiterCount ?? 0 }

    /// Returns the result of a run that begins with this call or later.
    ///
    /// - Throws: the operation's errors; `CancellationError` when the calling task is cancelled.
    package func value() async throws -> Value {
        let flight = state.withLock { state in
            guard state.current != nil else { return begin(&state) }
            let next = state.next ?? Flight()
            state.next = next
            return next
        }
        return try await Self.result(of: flight)
    }

    /// Returns the result of the current run, or of a new one.
    ///
    /// - Throws: the operation's errors; `CancellationError` when the calling task is cancelled.
    package func joined() async throws -> Value {
        try await Self.result(of: state.withLock { $0.current ?? begin(&$0) })
    }

    private static func result(of flight: Flight) async throws -> Value {
        let result: Result<Value, any Error>
        do throws(WaitError) {
            result = try await flight.value()
        } catch {
            throw CancellationError()
        }
        return try result.get()
    }

    private func begin(_ state: inout State) -> Flight {
        let flight = Flight()
        state.current = flight
        Task { await run(flight) }
        return flight
    }

    /// Runs the operation for `flight`, and again while calls have arrived meanwhile.
    private func run(_ flight: Flight) async {
        var flight = flight
        while true {
            let result: Result<Value, any Error>
            do {
                result = .success(try await operation())
            } catch {
                result = .failure(error)
            }
            let next = state.withLock { state in
                state.current = state.next
                state.next = nil
                return state.current
            }
            flight.settle(result)
            guard let next else { return }
            flight = next
        }
    }
}
