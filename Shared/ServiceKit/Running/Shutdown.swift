import Glibc
import Logging
import Synchronization

/// The shutdown of a run: whether it has begun, and that it ends in time.
final class Shutdown: Sendable {
    private let readiness: Readiness
    private let logger: Logger
    private let timeout: Duration
    private let deadline = Mutex<Task<Void, Never>?>(nil)

    init(readiness: Readiness, logger: Logger, timeout: Duration) {
        self.readiness = readiness
        self.logger = logger
        self.timeout = timeout
    }

    var hasBegun: Bool {
        deadline.withLock { $0 != nil }
    }

    /// Makes the process not ready and starts the time that the shutdown may take. Only the first call counts.
    func begin() {
        readiness.beginDraining()
        deadline.withLock { deadline in
            guard deadline == nil else { return }
            deadline = Task { [logger, timeout] in
                guard (try? await Task.sleep(for: timeout)) != nil else { return }
                logger.critical("The shutdown took too long: ending at once", metadata: ["limit": "\(timeout)"])
                LogSink.standardError.flushAtExit()
                _exit(ExitCode.failure.rawValue)
            }
        }
    }

    /// All services have ended.
    func end() {
        deadline.withLock { $0?.cancel() }
    }
}
