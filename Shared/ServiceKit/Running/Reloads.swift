import Basics
public import Logging
public import ServiceLifecycle
import Synchronization

/// Reloads files of a running process: all on SIGHUP, and each when one of its files has changed.
///
/// As a service it polls the files until the process shuts down. Any thread.
public final class Reloads: Sendable, Service {
    private struct Entry: Sendable {
        let name: String
        let reload: @Sendable () async throws -> Void
        /// As they were before the last reload.
        var files: FileStates
        /// The error of the last reload; nil after a success.
        var failure: String?
    }

    /// Polling interval.
    private static let interval: Duration = .seconds(2)

    private let logger: Logger
    private let interval: Duration
    /// Grows only, so an index stays valid.
    private let entries = Mutex<[Entry]>([])

    /// - Parameter interval: Polling interval.
    public init(logger: Logger, interval: Duration? = nil) {
        self.logger = logger
        self.interval = interval ?? Self.interval
    }

    /// Adds a reload.
    ///
    /// - Parameters:
    ///   - name: Its name in the log.
    ///   - files: The files to poll, as they were before they were read; without any, the reload runs on SIGHUP alone.
    ///   - reload: Reads them; errors are logged, and the previous content stays in use.
    public func add(_ name: String, files: FileStates = FileStates([]), _ reload: @escaping @Sendable () async throws -> Void) {
        entries.withLock { $0.append(Entry(name: name, reload: reload, files: files)) }
    }

    /// Runs all reloads.
    func reloadAll() async {
        logger.notice("reloading secrets, keys and certificates", metadata: [LogKey.signal: "SIGHUP"])
        for index in entries.withLock({ $0.indices }) {
            entries.withLock { $0[index].files = $0[index].files.current() }
            await reload(index, isRetry: false)
        }
    }

    /// Runs the reloads of changed files, until shutdown.
    public func run() async throws {
        try await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: self.interval)
                await self.reloadChanged()
            }
        }
    }

    /// Runs the reloads of changed files, and again those that failed: what was wrong need not be visible in the files' states, such as a
    /// permission or a lack of descriptors.
    func reloadChanged() async {
        for index in entries.withLock({ $0.indices }) {
            let entry = entries.withLock { $0[index] }
            let files = entry.files.current()
            let isRetry = files == entry.files
            guard !isRetry || entry.failure != nil && !files.isEmpty else { continue }
            entries.withLock { $0[index].files = files }
            await reload(index, isRetry: isRetry)
        }
    }

    /// - Parameter isRetry: Whether to log an error only if it is another one than before.
    private func reload(_ index: Int, isRetry: Bool) async {
        let entry = entries.withLock { $0[index] }
        var failure: String?
        do {
            try await entry.reload()
            logger.info("reloaded", metadata: [LogKey.subjectOfReload: "\(entry.name)"])
        } catch {
            failure = "\(error)"
        }
        entries.withLock { [failure] in $0[index].failure = failure }
        guard let failure, !isRetry || failure != entry.failure else { return }
        logger.error(
            "cannot reload; the previous content stays in use",
            metadata: [LogKey.subjectOfReload: "\(entry.name)", LogKey.error: "\(failure)"]
        )
    }
}
