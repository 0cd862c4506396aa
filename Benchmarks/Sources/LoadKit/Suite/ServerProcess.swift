import CLinux
import Glibc

/// A program that the suite starts and stops on this machine. It stops when the load tool ends, too.
final class ServerProcess {
    /// Time limit for a program to stop before it is killed; nanoseconds.
    private static let patience: UInt64 = 30_000_000_000

    let processID: pid_t
    private let name: String
    private var isRunning = true

    /// Starts the program.
    ///
    /// - Parameters:
    ///   - environment: Variables that are added to those of the load tool, or replace them.
    ///   - log: The file for its output.
    init(path: String, arguments: [String] = [], environment: [String: String] = [:], log: String) throws(LoadError) {
        name = String(path.split(separator: "/").last ?? "program")
        let output = try SystemCall.check(log, open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644))
        defer { close(output) }
        let argumentVector = Self.vector([path] + arguments)
        let environmentVector = Self.vector(Self.merged(environment))
        defer {
            for text in argumentVector + environmentVector { free(text) }
        }
        guard access(path, X_OK) == 0 else { throw LoadError("\(path) is not an executable; build it first.") }
        processID = try SystemCall.check("fork", clinux_start(path, argumentVector, environmentVector, output))
    }

    deinit { stop() }

    /// Sends SIGTERM and waits until it has stopped.
    func stop() {
        guard isRunning else { return }
        isRunning = false
        kill(processID, SIGTERM)
        let deadline = MonotonicClock.now() + Self.patience
        while waitpid(processID, nil, WNOHANG) == 0 {
            if MonotonicClock.now() > deadline { kill(processID, SIGKILL) }
            MonotonicClock.sleep(until: MonotonicClock.now() + 10_000_000)
        }
    }

    /// Waits until `condition` holds, for at most 20 s.
    func awaitReady(_ condition: () -> Bool) throws(LoadError) {
        let isReady = try MonotonicClock.wait(20_000_000_000, every: 20_000_000) { () throws(LoadError) -> Bool in
            guard waitpid(processID, nil, WNOHANG) == 0 else {
                isRunning = false
                throw LoadError("\(name) stopped at its start; look at its log.")
            }
            return condition()
        }
        guard isReady else { throw LoadError("\(name) was not ready within 20 s; look at its log.") }
    }

    private static func merged(_ own: [String: String]) -> [String] {
        var variables = own
        for text in (ProcFile.read("/proc/self/environ") ?? "").split(separator: "\0") {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if parts.count == 2, variables[name] == nil { variables[name] = String(parts[1]) }
        }
        return variables.map { "\($0)=\($1)" }
    }

    private static func vector(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }
}
