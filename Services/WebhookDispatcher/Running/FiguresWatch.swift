import Synchronization

/// Caches the dispatcher's figures, at most a second old, because readers of metrics and readiness cannot wait for the actor. Any thread.
final class FiguresWatch: Sendable {
    /// The state of the dispatcher at one moment.
    struct Look: Sendable {
        /// The figures.
        var figures = DispatcherFigures()
        /// Whether all endpoints are known, and changes of them are followed.
        var isFollowingEndpoints = false
    }

    private static let interval: Duration = .seconds(1)

    private let state = Mutex(Look())

    /// The last look; zeros, and nothing followed, before the first one.
    var latest: Look { state.withLock { $0 } }

    /// Looks every second until the task is cancelled.
    func run(of dispatcher: Dispatcher) async {
        repeat {
            let look = Look(figures: await dispatcher.figures, isFollowingEndpoints: await dispatcher.isFollowingEndpoints)
            state.withLock { $0 = look }
        } while (try? await Task.sleep(for: Self.interval)) != nil
    }
}

extension Dispatcher {
    /// Whether all endpoints are known, and changes of them are followed.
    var isFollowingEndpoints: Bool { !table.isReading }
}
