import EventLog
import Synchronization

/// The log that is being opened, or is open: any number of tasks wait for it, each for as long as it likes.
///
/// The opening goes on whoever gives up waiting. When it fails, all who wait are told, and the next to ask begins anew.
final class LogOpening: Sendable {
    typealias Answer = Result<EventLog, ProducerError>

    private struct State {
        var log: EventLog?
        var task: Task<Void, Never>?
        var waiting: [UInt64: CheckedContinuation<Answer, Never>] = [:]
        var nextID: UInt64 = 0
        var isClosed = false
    }

    private let open: @Sendable () async throws(EventLogError) -> EventLog
    private let state = Mutex(State())

    /// - Parameter open: opens the log, however long that takes; ends early when its task is cancelled.
    init(_ open: @escaping @Sendable () async throws(EventLogError) -> EventLog) {
        self.open = open
    }

    /// The log, if it is open.
    var log: EventLog? { state.withLock { $0.log } }

    /// Begins to open the log, unless that is under way or done.
    func begin() {
        state.withLock { begin(&$0) }
    }

    /// Waits until the log is open.
    ///
    /// - Parameters:
    ///   - limit: for how long.
    ///   - late: what to say after that.
    func log(within limit: Duration, orElse late: @escaping @Sendable () -> ProducerError) async -> Answer {
        if let log { return .success(log) }
        return await withTaskGroup(of: Answer.self) { group in
            group.addTask { await self.wait() }
            group.addTask {
                do {
                    try await Task.sleep(for: limit)
                    return .failure(late())
                } catch {
                    return .failure(.cancelled)
                }
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.cancelled)
        }
    }

    /// Gives up. Whoever waits, or asks later, is told.
    func close() {
        let task = state.withLock { state in
            state.isClosed = true
            state.log = nil
            defer { state.task = nil }
            return state.task
        }
        task?.cancel()
        settle(.failure(.closed))
    }

    private func begin(_ state: inout State) {
        guard state.task == nil, state.log == nil, !state.isClosed else { return }
        state.task = Task { [open] in
            do throws(EventLogError) {
                self.settle(.success(try await open()))
            } catch {
                self.settle(.failure(ProducerError(error)))
            }
        }
    }

    private func wait() async -> Answer {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Answer? = state.withLock { state in
                    if let log = state.log { return .success(log) }
                    if state.isClosed { return .failure(.closed) }
                    // A cancellation before this line found nobody to wake.
                    if Task.isCancelled { return .failure(.cancelled) }
                    state.waiting[id] = continuation
                    begin(&state)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.resume(returning: .failure(.cancelled))
        }
    }

    private func settle(_ answer: Answer) {
        let waiting = state.withLock { state in
            state.task = nil
            if case .success(let log) = answer, !state.isClosed { state.log = log }
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume(returning: answer) }
    }
}

extension ProducerError {
    static let cancelled = ProducerError(.cancelled, "The publish was cancelled before the log acknowledged it.")
    static let closed = ProducerError(.closed, "The producer is closed: connect a new one.")
}
