import Logging
import Synchronization

/// The way to a server: the search for one, the library's connection, and the next search when the library has given up.
///
/// The search is ours because nats.c's ends for good, whatever its settings, when a server accepts the connection but not the handshake: one
/// that is just starting behind a proxy, one with another certificate, or one that refuses the credentials twice. Each attempt reads the files that
/// the configuration names again, so that what was replaced meanwhile counts.
final class ConnectionLink: Sendable {
    private struct State {
        /// Nil while a server is searched for.
        var library: CNATSConnection?
        /// What has begun, or begins with the next server. Some may have ended.
        var subscriptions: [CNATSSubscription] = []
        /// How many there may be before those that have ended are looked for.
        var tidyAt = 64
        var failure: NATSError?
        var isSearching = true
        var isClosed = false
        /// Whether the library must not reconnect by itself, because it would use what it read at its first connect.
        var isOutdated: Bool
    }

    private let configuration: NATSConfiguration
    private let monitor: ConnectionMonitor
    private let state: Mutex<State>

    init(_ configuration: NATSConfiguration, monitor: ConnectionMonitor) {
        self.configuration = configuration
        self.monitor = monitor
        // The library reads the files of TLS once; the others it reads again, or is replaced when they are refused.
        state = Mutex(State(isOutdated: configuration.tls?.namesFiles ?? false))
    }

    /// The library's connection; nil while a server is searched for.
    var library: CNATSConnection? { state.withLock { $0.library } }

    /// What the last attempt failed with.
    var lastError: NATSError? {
        let (library, failure) = state.withLock { ($0.library, $0.failure) }
        return library?.lastError ?? failure
    }

    /// Makes the first attempt and, should it fail for a reason that may pass, arranges the next. Blocks for at most the connect timeout a server.
    ///
    /// - Throws: What a process that starts should say: ``NATSError/Code/invalidConfiguration``, ``NATSError/Code/authenticationFailed``.
    func open() throws(NATSError) {
        do throws(NATSError) {
            try attempt()
        } catch  where error.isTemporary {
            report(error)
            scheduleAttempt()
        }
    }

    /// Begins a subscription, now or with the next server.
    func begin(_ subscription: CNATSSubscription) throws(NATSError) {
        let (isClosed, library) = state.withLock { state in
            if !state.isClosed {
                if state.subscriptions.count >= state.tidyAt {
                    // Those that have ended meanwhile are of no use here.
                    state.subscriptions.removeAll { $0.hasEnded }
                    state.tidyAt = max(64, 2 * state.subscriptions.count)
                }
                state.subscriptions.append(subscription)
            }
            return (state.isClosed, state.library)
        }
        guard !isClosed else { throw .closed }
        guard let library else { return }
        do throws(NATSError) {
            try subscription.begin(on: library)
        } catch {
            // One that has just been given up is replaced, and the subscription begins with the next.
            guard library.isClosed, configuration.reconnects else { throw error }
        }
    }

    /// Ends the search or the connection, and all subscriptions. Blocks.
    func close() {
        let (library, subscriptions) = state.withLock { state in
            state.isClosed = true
            defer { state.subscriptions = [] }
            return (state.library, state.subscriptions)
        }
        library?.close()
        for subscription in subscriptions { subscription.end() }
    }

    /// Has what the configuration names read again: at once when there is no server, else with the next loss of it.
    func reload() {
        let library = state.withLock { state in
            state.isOutdated = true
            return state.library
        }
        if monitor.state != .connected { giveUp(library) }
    }

    /// The library has lost its server, and looks for it. Called on its callback thread.
    func serverLost() {
        monitor.record(.disconnected)
        let library = state.withLock { state in state.isOutdated && configuration.reconnects ? state.library : nil }
        giveUp(library)
    }

    /// Ends the library's own search; ``libraryClosed(_:)`` begins ours.
    private func giveUp(_ library: CNATSConnection?) {
        guard let library else { return }
        NATSLibrary.detached { library.close() }
    }

    /// The library's connection has ended, for whatever reason. Called on its callback thread.
    func libraryClosed(reason: NATSError?) {
        let (isOver, begins) = state.withLock { state in
            guard !state.isClosed, configuration.reconnects else { return (true, false) }
            // The attempt under way sees for itself.
            guard !state.isSearching else { return (false, false) }
            state.isSearching = true
            state.library = nil
            return (false, true)
        }
        if isOver { monitor.record(.closed, reason: reason) }
        if begins { searchAgain(because: reason ?? .disconnected) }
    }

    private func searchAgain(because reason: NATSError) {
        monitor.record(.searching)
        report(reason)
        scheduleAttempt()
    }

    /// Connects, and begins what waits for it.
    private func attempt() throws(NATSError) {
        let found = try CNATSConnection.open(try CNATSOptions.make(configuration), link: self, monitor: monitor)
        let waiting: [CNATSSubscription]? = state.withLock { state in
            guard !state.isClosed else { return nil }
            state.library = found
            state.isSearching = false
            state.failure = nil
            state.isOutdated = configuration.tls?.namesFiles ?? false
            return state.subscriptions
        }
        // Closed meanwhile: what was found is closed by its release.
        guard let waiting else { return }
        for subscription in waiting where !subscription.hasEnded {
            do throws(NATSError) {
                try subscription.begin(on: found)
            } catch {
                guard !found.isClosed else { break }
                monitor.logger.error(
                    "a subscription could not be made again",
                    metadata: [NATSLogKey.subject: "\(subscription.subject)", NATSLogKey.reason: "\(error)"]
                )
            }
        }
        monitor.record(.serverFound)
        // It may have ended before it was known here.
        if found.isClosed { libraryClosed(reason: found.lastError) }
    }

    private func scheduleAttempt() {
        let pause = configuration.reconnectWait + configuration.reconnectJitter * Double.random(in: 0...1)
        NATSLibrary.detached(after: pause) { [weak self] in self?.continueSearch() }
    }

    private func continueSearch() {
        guard state.withLock({ !$0.isClosed }) else { return }
        do throws(NATSError) {
            try attempt()
        } catch {
            // Whatever it is, files and servers may be set right while the process runs.
            report(error)
            scheduleAttempt()
        }
    }

    /// Notes why there is no server, and logs it if it is news.
    private func report(_ failure: NATSError) {
        let isNews = state.withLock { state in
            defer { state.failure = failure }
            return state.failure != failure
        }
        guard isNews else { return }
        let servers = configuration.servers.map(ServerURL.redacted).joined(separator: ", ")
        monitor.logger.warning(
            "NATS is away, connecting",
            metadata: [NATSLogKey.servers: "\(servers)", NATSLogKey.reason: "\(failure)"]
        )
    }
}

extension NATSError {
    /// Whether a process that starts should wait for the cause of this to pass.
    fileprivate var isTemporary: Bool {
        code != .invalidConfiguration && code != .authenticationFailed && code != .closed
    }
}

extension NATSConfiguration.TLS {
    /// Whether it has files that can be replaced while the process runs.
    fileprivate var namesFiles: Bool { caFile != nil || certificateFile != nil || keyFile != nil }
}
