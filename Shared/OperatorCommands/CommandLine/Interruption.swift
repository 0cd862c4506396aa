import ArgumentParser
import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Ends a command that runs until it is interrupted, in order: Ctrl-C (SIGINT), SIGTERM and SIGHUP cancel it, and so does a pipe behind standard output
/// whose reader is gone, as `head` is after its lines. A second signal ends the process at once.
enum Interruption {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// The exit code after the output has lost its reader.
    static let lostReader = ArgumentParser.ExitCode(128 + SIGPIPE)

    /// Runs `body` and cancels it when a signal arrives, or the output has no reader.
    ///
    /// - Throws: the errors of `body`; after a signal, the exit code that shells report for it.
    static func run(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let work = Task { try await body() }
        let first = FirstSignal()
        let sources = signals.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                signal(number, SIG_DFL)
                first.note(number)
                work.cancel()
            }
            source.activate()
            return source
        }
        defer { for source in sources { source.cancel() } }
        // Otherwise noticed at the next write alone, which may be hours away.
        DispatchQueue(label: "causeway.output-reader").async {
            guard hasLostReader(STDOUT_FILENO) else { return }
            first.note(SIGPIPE)
            work.cancel()
        }
        do {
            try await work.value
        } catch {
            guard let number = first.number else { throw error }
            throw ArgumentParser.ExitCode(128 + number)
        }
    }

    /// Waits until the reader of a pipe is gone. Returns false for a descriptor that is not open. Blocks its thread, for ever where the reader stays.
    private static func hasLostReader(_ descriptor: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: 0, revents: 0)
        while poll(&watched, 1, -1) < 0 {
            guard errno == EINTR else { return false }
        }
        return watched.revents & Int16(POLLERR | POLLHUP) != 0
    }

    /// The first signal that arrived.
    private final class FirstSignal: Sendable {
        private let kept = Mutex<Int32?>(nil)

        var number: Int32? { kept.withLock(\.self) }
        func note(_ number: Int32) { kept.withLock { $0 = $0 ?? number } }
    }
}
