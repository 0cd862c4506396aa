import Basics
import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A child process that inherits this process's standard input, and whose output this process reads.
struct WrappedCommand: Sendable {
    /// The outcome of a command.
    enum Outcome: Sendable, Hashable {
        case exit(Int32)
        case signal(Int32)

        /// The exit status that shells report for the outcome.
        var status: Int32 {
            switch self {
            case .exit(let status): status
            case .signal(let signal): 128 + signal
            }
        }
    }

    /// The error of a command that could not be started.
    struct StartError: Error, Sendable {
        /// The reason, for people.
        let message: String
        /// The exit status that shells report: 127 for a missing command, 126 for one that is not executable.
        let status: Int32
    }

    /// The child's process id.
    let processID: pid_t
    /// The descriptor of its standard output.
    let output: Int32
    /// The descriptor of its standard error.
    let errors: Int32

    /// Starts a command.
    ///
    /// - Parameter words: the program, searched in `PATH`, and its arguments; at least one word.
    init(starting words: [String]) throws(StartError) {
        func failure(_ code: Int32) -> StartError {
            StartError(message: "\(words[0]) cannot be run: \(String(cString: strerror(code)))", status: code == ENOENT ? 127 : 126)
        }
        var outputPipe: [Int32] = [0, 0]
        var errorPipe: [Int32] = [0, 0]
        guard pipe(&outputPipe) == 0 else { throw failure(errno) }
        guard pipe(&errorPipe) == 0 else {
            let code = errno
            Self.close(outputPipe)
            throw failure(code)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, outputPipe[1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errorPipe[1], STDERR_FILENO)
        // The child must not inherit the pipes' other descriptors or the connection to the bus. The kernel assigns the lowest free
        // descriptor, so all open ones are at most the newest.
        let newest = (outputPipe + errorPipe).reduce(STDERR_FILENO, max)
        for descriptor in (STDERR_FILENO + 1)...newest { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // nats.c ignores SIGPIPE, and this thread may block signals: the child must inherit neither.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { arguments.forEach { free($0) } }
        var processID: pid_t = 0
        let code = posix_spawnp(&processID, words[0], &actions, &attributes, arguments, environ)
        Self.close([outputPipe[1], errorPipe[1]])
        guard code == 0 else {
            Self.close([outputPipe[0], errorPipe[0]])
            throw failure(code)
        }
        self.processID = processID
        output = outputPipe[0]
        errors = errorPipe[0]
    }

    /// Waits for the end of the command. Call once.
    func outcome() async -> Outcome {
        await DispatchQueue(label: "causeway.wrapped-command").run { [processID] in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            return signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
        }
    }

    /// Sends a signal to the command.
    func send(_ signal: Int32) {
        kill(processID, signal)
    }

    private static func close(_ descriptors: [Int32]) {
        #if canImport(Glibc)
            for descriptor in descriptors { Glibc.close(descriptor) }
        #elseif canImport(Musl)
            for descriptor in descriptors { Musl.close(descriptor) }
        #endif
    }
}
