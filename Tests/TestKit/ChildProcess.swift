import Foundation
public import Glibc
import Synchronization

/// A child process of the test, killed by its process id.
///
/// Killed when this object is released, or when the test process exits normally. swift-subprocess has no such object: its processes belong
/// to a closure, and end by cancelling a task, which neither `deinit` nor `atexit` can wait for.
public final class ChildProcess: Sendable {
    /// How a process ended.
    public enum Exit: Equatable, Sendable {
        /// The process exited with a code.
        case code(Int32)
        /// A signal killed the process.
        case signal(Int32)
    }

    /// The process id.
    public let pid: pid_t
    private let ended = Mutex<Exit?>(nil)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: A path, or a name that is looked up in `PATH`.
    ///   - arguments: Its arguments, without its own name.
    ///   - environment: Added to the test's own environment.
    ///   - output: The file that its standard output and standard error are appended to.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:], output: String = "/dev/null")
        throws(TestKitError)
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        // Close the test's descriptors in the child: a listener among them would outlive its test.
        for descriptor in Self.openDescriptors() where descriptor > STDERR_FILENO {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        let inherited = Self.environment().filter { variable in !environment.keys.contains { variable.hasPrefix($0 + "=") } }
        let variables = inherited + environment.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let failure = withArguments([program] + arguments) { arguments in
            withArguments(variables) { posix_spawnp(&pid, program, &actions, nil, arguments, $0) }
        }
        guard failure == 0 else { throw TestKitError("\(program) cannot be started: \(String(cString: strerror(failure)))") }
        self.pid = pid
        Survivors.add(pid)
    }

    deinit {
        kill()
    }

    /// Runs a program and waits until it exits.
    ///
    /// - Throws: If it does not exit with code 0 within 20 seconds.
    public static func run(_ program: String, _ arguments: [String]) async throws {
        let directory = try TemporaryDirectory()
        let output = directory.file("output")
        let process = try ChildProcess(program, arguments, output: output)
        guard await eventually(timeout: .seconds(20), { process.exit != nil }), process.exit == .code(0) else {
            let said = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            throw TestKitError("\(program) \(arguments.joined(separator: " ")) failed.\n\(said)")
        }
    }

    /// How the process ended; nil while it runs.
    public var exit: Exit? {
        ended.withLock { ended in
            if ended == nil { ended = Self.wait(for: pid, options: WNOHANG) }
            return ended
        }
    }

    /// Sends a signal, unless the process has ended.
    public func signal(_ signal: Int32) {
        // While the lock is held the id cannot be reused: the system frees it only after `waitpid`.
        ended.withLock { ended in
            if ended == nil { _ = Glibc.kill(pid, signal) }
        }
    }

    /// Suspends the process with SIGSTOP and waits until it stands still: the signal stops its threads one by one, and one that still runs
    /// can answer a request.
    ///
    /// `signal(SIGCONT)` resumes it.
    public func suspend() {
        ended.withLock { ended in
            guard ended == nil, Glibc.kill(pid, SIGSTOP) == 0 else { return }
            var info = siginfo_t()
            // WNOWAIT: an exit stays to be collected by `waitpid`.
            while waitid(P_PID, id_t(pid), &info, WSTOPPED | WEXITED | WNOWAIT) < 0, errno == EINTR {}
        }
    }

    /// Kills the process with SIGKILL and waits until it has exited.
    public func kill() {
        ended.withLock { ended in
            guard ended == nil else { return }
            _ = Glibc.kill(pid, SIGKILL)
            ended = Self.wait(for: pid, options: 0)
        }
    }

    private static func wait(for pid: pid_t, options: Int32) -> Exit? {
        var status: Int32 = 0
        var result: pid_t
        repeat { result = waitpid(pid, &status, options) } while result < 0 && errno == EINTR
        guard result != 0 else { return nil }
        Survivors.remove(pid)
        let signal = status & 0x7F
        return signal == 0 ? .code(status >> 8 & 0xFF) : .signal(signal)
    }

    private static func openDescriptors() -> [Int32] {
        guard let directory = opendir("/proc/self/fd") else { return [] }
        defer { closedir(directory) }
        var descriptors: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if let descriptor = Int32(name) { descriptors.append(descriptor) }
        }
        return descriptors
    }

    private static func environment() -> [String] {
        var variables: [String] = []
        var next = environ
        while let variable = next.pointee {
            variables.append(String(cString: variable))
            next += 1
        }
        return variables
    }
}

/// A failure of the test environment, not of the code under test.
public struct TestKitError: Error, CustomStringConvertible {
    public let description: String

    /// Creates an error with a message.
    public init(_ description: String) {
        self.description = description
    }
}

/// The child processes that still run when the test process exits.
private enum Survivors {
    private static let pids = Mutex<Set<pid_t>>([])
    private static let isHooked: Bool = atexit { killAll() } == 0

    static func add(_ pid: pid_t) {
        _ = isHooked
        pids.withLock { _ = $0.insert(pid) }
    }

    static func remove(_ pid: pid_t) {
        pids.withLock { _ = $0.remove(pid) }
    }

    private static func killAll() {
        pids.withLock { for pid in $0 { _ = Glibc.kill(pid, SIGKILL) } }
    }
}

private func withArguments<Result>(_ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result) -> Result {
    var pointers = strings.map { strdup($0) } + [nil]
    defer { pointers.forEach { free($0) } }
    return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
}
