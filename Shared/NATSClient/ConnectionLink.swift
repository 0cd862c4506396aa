import Logging
import Synchronization

/// Finds a server, holds the nats.c connection to it, and searches again when nats.c gives up.
///
/// nats.c stops for good, whatever its settings, when a server accepts the connection but not the handshake: a server that is starting
/// behind a proxy, has another certificate, or refuses the credentials twice. So the retry loop is here. Each attempt reads the configured
/// files again and picks up replaced credentials.
final class ConnectionLink: Sendable {
    private struct State {
        /// The nats.c connection; nil while searching for a server.
        var library: CNATSConnection?
        /// Subscriptions to begin on each new connection. Some may have ended.
        var subscriptions: [CNATSSubscription] = []
        /// Number of subscriptions at which ended ones are removed.
        var tidyAt = 64
        var failure: NATSError?
        var isSearching = true
        var isClosed = false
        /// Whether nats.c must not reconnect, because it would use files that it read at its first connect.
        var isOutdated: Bool
    }

    private let configuration: NATSConfiguration
    private let monitor: ConnectionMonitor
    private let state: Mutex<State>

    init(_ configuration: NATSConfiguration, monitor: ConnectionMonitor) {
        self.configuration = configuration
        self.monitor = monitor
        // nats.c reads TLS files once. It reads the others again, or is replaced when the server refuses them.
        state = Mutex(State(isOutdated: configuration.tls?.namesFiles ?? false))
    }

    /// The nats.c connection; nil while searching for a server.
    var library: CNATSConnection? { state.withLock { $0.library } }

    /// The error of the last attempt.
    var lastError: NATSError? {
        let (library, failure) = state.withLock { ($0.library, $0.failure) }
        return library?.lastError ?? failure
    }

    /// Makes the first attempt and schedules the next if the failure is temporary. Blocks for at most the connect timeout per server.
    ///
    /// - Throws: Permanent failures: ``NATSError/Code/invalidConfiguration``, ``NATSError/Code/authenticationFailed``.
    func open() throws(NATSError) {
        do throws(NATSError) {
            try attempt()
        } catch  where error.isTemporary {
            report(error)
            scheduleAttempt()
        }
    }

    /// Begins a subscription on the current connection, or on the next one.
    func begin(_ subscription: CNATSSubscription) throws(NATSError) {
        let (isClosed, library) = state.withLock { state in
            if !state.isClosed {
                if state.subscriptions.count >= state.tidyAt {
                    // Remove subscriptions that have ended.
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
            // The connection was just given up: the subscription begins on the next one.
            guard library.isClosed, configuration.reconnects else { throw error }
        }
    }

    /// Stops the search or the connection, and ends all subscriptions. Blocks.
    func close() {
        let (library, subscriptions) = state.withLock { state in
            state.isClosed = true
            defer { state.subscriptions = [] }
            return (state.library, state.subscriptions)
        }
        library?.close()
        for subscription in subscriptions { subscription.end() }
    }

    /// Reloads the configured files: now when there is no server, else at the next reconnect. Blocks.
    ///
    /// - Throws: For an unusable file, and then changes nothing.
    func reload() throws(NATSError) {
        _ = try CNATSOptions.make(configuration)
        let library = state.withLock { state in
            state.isOutdated = true
            return state.library
        }
        if monitor.state != .connected { giveUp(library) }
    }

    /// Handles the loss of the server; nats.c looks for another. Called on its callback thread.
    func serverLost() {
        monitor.record(.disconnected)
        let library = state.withLock { state in state.isOutdated && configuration.reconnects ? state.library : nil }
        giveUp(library)
    }

    /// Stops nats.c's search; ``libraryClosed(_:)`` begins ours.
    private func giveUp(_ library: CNATSConnection?) {
        guard let library else { return }
        NATSLibrary.detached { library.close() }
    }

    /// Handles the end of the nats.c connection, for any reason. Called on its callback thread.
    func libraryClosed(reason: NATSError?) {
        let (isOver, begins) = state.withLock { state in
            guard !state.isClosed, configuration.reconnects else { return (true, false) }
            // The running attempt checks this itself.
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

    /// Connects and begins the waiting subscriptions.
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
        // Closed meanwhile: releasing the new connection closes it.
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
        // It may have ended before it was stored here.
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
            // Retry any error: files and servers may be corrected while the process runs.
            report(error)
            scheduleAttempt()
        }
    }

    /// Records why there is no server, and logs the reason if it changed.
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
    /// Whether a starting process should retry after this error.
    fileprivate var isTemporary: Bool {
        code != .invalidConfiguration && code != .authenticationFailed && code != .closed
    }
}

extension NATSConfiguration.TLS {
    /// Whether TLS uses files that can be replaced while the process runs.
    fileprivate var namesFiles: Bool { caFile != nil || certificateFile != nil || keyFile != nil }
}
