import Synchronization

/// Keeps the dispatcher's figures of the last second for metrics and readiness, whose readers do not wait for an actor. Any thread.
final class FiguresWatch: Sendable {
    private static let interval: Duration = .seconds(1)

    private let state = Mutex(DispatcherFigures())

    /// The figures; zeros, and nothing followed, before the first look.
    var latest: DispatcherFigures { state.withLock { $0 } }

    /// Looks every second until the task is cancelled.
    func run(of dispatcher: Dispatcher) async {
        repeat {
            let figures = await dispatcher.figures
            state.withLock { $0 = figures }
        } while (try? await Task.sleep(for: Self.interval)) != nil
    }
}
