import Basics
import Glibc
import Logging
import Synchronization

/// State of a shutdown: whether it has begun, and its time limit.
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

    /// Sets the process not ready and starts the time limit. Only the first call has an effect.
    func begin() {
        readiness.beginDraining()
        deadline.withLock { deadline in
            guard deadline == nil else { return }
            deadline = Task { [logger, timeout] in
                guard (try? await Task.sleep(for: timeout)) != nil else { return }
                logger.critical("The shutdown took too long: ending at once", metadata: [LogKey.limit: "\(timeout)"])
                LogSink.standardError.flushAtExit()
                _exit(ExitCode.failure.rawValue)
            }
        }
    }

    /// Records that all services have ended.
    func end() {
        deadline.withLock { $0?.cancel() }
    }
}
