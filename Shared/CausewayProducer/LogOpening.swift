import Basics
import EventLog
import Synchronization

/// The log that is being opened, or is open: any number of tasks wait for it, each for as long as it likes.
///
/// The opening goes on when a waiter gives up. When it fails, all waiters get the error, and the next call opens again.
final class LogOpening: Sendable {
    typealias Answer = Result<EventLog, ProducerError>

    private struct State {
        var answer: OneShot<Answer>?
        var task: Task<Void, Never>?
        var isClosed = false
    }

    private let open: @Sendable () async throws(EventLogError) -> EventLog
    private let state = Mutex(State())

    /// - Parameter open: opens the log, however long that takes; ends early when its task is cancelled.
    init(_ open: @escaping @Sendable () async throws(EventLogError) -> EventLog) {
        self.open = open
    }

    /// The log, if it is open.
    var log: EventLog? { state.withLock { $0.answer }?.value.flatMap { try? $0.get() } }

    /// Begins to open the log, unless that is under way or done.
    func begin() {
        _ = state.withLock { begin(&$0) }
    }

    /// Waits until the log is open.
    ///
    /// - Parameters:
    ///   - limit: for how long.
    ///   - late: what to say after that.
    func log(within limit: Duration, orElse late: @escaping @Sendable () -> ProducerError) async -> Answer {
        guard let answer = state.withLock({ begin(&$0) }) else { return .failure(.closed) }
        do throws(WaitError) {
            return try await answer.value(within: limit)
        } catch {
            return .failure(error == .cancelled ? .cancelled : late())
        }
    }

    /// Gives up: calls that wait, and later ones, fail with ``ProducerError/closed``.
    func close() {
        let (answer, task) = state.withLock { state in
            state.isClosed = true
            defer { (state.answer, state.task) = (nil, nil) }
            return (state.answer, state.task)
        }
        task?.cancel()
        answer?.settle(.failure(.closed))
    }

    /// The answer of the opening under way, or of a new one; nil when closed.
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
