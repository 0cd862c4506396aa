import Basics
import EventLog
import Synchronization

/// Opens the log once (single-flight); any number of tasks wait, each with its time limit.
///
/// The opening continues when a waiter gives up. When it fails, all waiters get the error, and the next call opens again.
final class LogOpening: Sendable {
    typealias Answer = Result<EventLog, ProducerError>

    private struct State {
        var answer: OneShot<Answer>?
        var task: Task<Void, Never>?
        var isClosed = false
    }

    private let open: @Sendable () async throws(EventLogError) -> EventLog
    private let state = Mutex(State())

    /// - Parameter open: Opens the log, without a time limit; stops when its task is cancelled.
    init(_ open: @escaping @Sendable () async throws(EventLogError) -> EventLog) {
        self.open = open
    }

    /// The log; nil until it is open.
    var log: EventLog? { state.withLock { $0.answer }?.value.flatMap { try? $0.get() } }

    /// Starts opening the log, unless that is in progress or done.
    func begin() {
        _ = state.withLock { begin(&$0) }
    }

    /// Waits until the log is open.
    ///
    /// - Parameters:
    ///   - limit: Time limit.
    ///   - late: The error at the time limit.
    func log(within limit: Duration, orElse late: @escaping @Sendable () -> ProducerError) async -> Answer {
        guard let answer = state.withLock({ begin(&$0) }) else { return .failure(.closed) }
        do throws(WaitError) {
            return try await answer.value(within: limit)
        } catch {
            return .failure(error == .cancelled ? .cancelled : late())
        }
    }

    /// Stops: waiting and later calls fail with ``ProducerError/closed``.
    func close() {
        let (answer, task) = state.withLock { state in
            state.isClosed = true
            defer { (state.answer, state.task) = (nil, nil) }
            return (state.answer, state.task)
        }
        // First: the cancelled task settles the answer as well, as cancelled.
        answer?.settle(.failure(.closed))
        task?.cancel()
    }

    /// Returns the current opening's promise, or that of a new one; nil when closed.
    private func begin(_ state: inout State) -> OneShot<Answer>? {
        guard !state.isClosed else { return nil }
        if let answer = state.answer {
            guard case .failure = answer.value else { return answer }
        }
        let answer = OneShot<Answer>()
        state.answer = answer
        state.task = Task { [open] in
            do throws(EventLogError) {
                answer.settle(.success(try await open()))
            } catch {
                answer.settle(.failure(ProducerError(error)))
            }
        }
        return answer
    }
}

extension ProducerError {
    static let cancelled = ProducerError(.cancelled, "The publish was cancelled before the log acknowledged it.")
    static let closed = ProducerError(.closed, "The producer is closed: connect a new one.")
}
