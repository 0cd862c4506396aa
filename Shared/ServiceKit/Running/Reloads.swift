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
        let files: [String]
        let reload: @Sendable () async throws -> Void
    }

    /// Polling interval.
    private static let interval: Duration = .seconds(2)

    private let logger: Logger
    private let interval: Duration
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
    ///   - files: The files to poll.
    ///   - reload: Reads them; errors are logged, and the previous content stays in use.
    public func add(_ name: String, files: [String] = [], _ reload: @escaping @Sendable () async throws -> Void) {
        entries.withLock { $0.append(Entry(name: name, files: files, reload: reload)) }
    }

    /// Runs all reloads.
    func reloadAll() async {
        logger.notice("reloading secrets, keys and certificates", metadata: [LogKey.signal: "SIGHUP"])
        for entry in entries.withLock({ $0 }) { await reload(entry) }
    }

    /// Runs the reloads of changed files, until shutdown.
    public func run() async throws {
        try await cancelWhenGracefulShutdown {
            var seen = self.states()
            while true {
                try await Task.sleep(for: self.interval)
                let now = self.states()
                for (entry, state) in now where seen.first(where: { $0.entry.name == entry.name })?.states != state {
                    await self.reload(entry)
                }
                seen = now
            }
        }
    }

    private func states() -> [(entry: Entry, states: [FileStatus?])] {
        entries.withLock { $0 }.filter { !$0.files.isEmpty }.map { ($0, $0.files.map { FileStatus(of: $0) }) }
    }

    private func reload(_ entry: Entry) async {
        do {
            try await entry.reload()
            logger.info("reloaded", metadata: [LogKey.subjectOfReload: "\(entry.name)"])
        } catch {
            logger.error(
                "cannot reload; the previous content stays in use",
                metadata: [LogKey.subjectOfReload: "\(entry.name)", LogKey.error: "\(error)"]
            )
        }
    }
}
