import Logging
import Synchronization

/// The way to a server: the search for the first one, and from then on the library's connection, which finds every further one itself.
///
/// The search is ours because nats.c's ends for good, whatever its settings, when a server accepts the connection but not the handshake: one
/// that is just starting behind a proxy, say, or one with another certificate.
final class ConnectionLink: Sendable {
    private struct Search {
        /// What to begin with the first server.
        var waiting: [LibrarySubscription] = []
        var failure: NATSError?
        var isOver = false
    }

    private let configuration: NATSConfiguration
    private let monitor: ConnectionMonitor
    private let search = Mutex(Search())
    /// Set once, with the first server.
    private let connection = AtomicLazyReference<LibraryConnection>()

    init(_ configuration: NATSConfiguration, monitor: ConnectionMonitor) {
        self.configuration = configuration
        self.monitor = monitor
    }

    /// The library's connection; nil while the first server has not been found.
    var library: LibraryConnection? { connection.load() }

    /// What the last attempt failed with.
    var lastError: NATSError? {
        if let library { library.lastError } else { search.withLock { $0.failure } }
    }

    /// Makes the first attempt and, should it fail for a reason that may pass, arranges the next. Blocks for at most the connect timeout a server.
    ///
    /// - Throws: What does not pass: ``NATSError/Code/invalidConfiguration``, ``NATSError/Code/authenticationFailed``.
    func open() throws(NATSError) {
        do throws(NATSError) {
            try attempt()
        } catch  where error.isTemporary {
            report(error)
            scheduleAttempt()
        }
    }

    /// Begins a subscription, now or with the first server.
    func begin(_ subscription: LibrarySubscription) throws(NATSError) {
        let isClosed = search.withLock { search in
            if library == nil, !search.isOver {
                // Those that have ended meanwhile are of no use here.
                search.waiting.removeAll { $0.hasEnded }
                search.waiting.append(subscription)
            }
            return library == nil && search.isOver
        }
        guard !isClosed else { throw .closed }
        if let library { try subscription.begin(on: library) }
    }

    /// Ends the search or the connection. Blocks.
    func close() {
        let waiting = search.withLock { search in
            search.isOver = true
            defer { search.waiting = [] }
            return search.waiting
        }
        for subscription in waiting { subscription.end() }
        library?.close()
    }

    /// Connects and begins what waits for it.
    private func attempt() throws(NATSError) {
        let found = try LibraryConnection.open(try LibraryOptions.make(configuration), monitor: monitor)
        let waiting: [LibrarySubscription]? = search.withLock { search in
            guard !search.isOver else { return nil }
            search.isOver = true
            _ = connection.storeIfNil(found)
            defer { search.waiting = [] }
            return search.waiting
        }
        // Closed meanwhile: what was found is closed by its release.
        guard let waiting else { return }
        for subscription in waiting { try subscription.begin(on: found) }
        monitor.record(.serverFound)
    }

    private func scheduleAttempt() {
        let pause = configuration.reconnectWait + configuration.reconnectJitter * Double.random(in: 0...1)
        NATSLibrary.detached(after: pause) { [weak self] in self?.continueSearch() }
    }

    private func continueSearch() {
        guard search.withLock({ !$0.isOver }) else { return }
        do throws(NATSError) {
            try attempt()
        } catch  where error.isTemporary {
            report(error)
            scheduleAttempt()
        } catch {
            close()
            monitor.record(.closed, reason: error)
        }
    }

    /// Notes why there is no server yet, and logs it if it is news.
    private func report(_ failure: NATSError) {
        let isNews = search.withLock { search in
            defer { search.failure = failure }
            return search.failure != failure
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
    /// Whether a connect that failed with this is tried again.
    fileprivate var isTemporary: Bool {
        code != .invalidConfiguration && code != .authenticationFailed && code != .closed
    }
}
