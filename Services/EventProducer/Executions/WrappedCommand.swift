import Basics
import Dispatch

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A command that this process runs: its input is ours, what it prints comes to us.
struct WrappedCommand: Sendable {
    /// How a command has ended.
    enum Outcome: Sendable, Hashable {
        case exit(Int32)
        case signal(Int32)

        /// The status by which shells tell it.
        var status: Int32 {
            switch self {
            case .exit(let status): status
            case .signal(let signal): 128 + signal
            }
        }
    }

    /// A command that could not be started.
    struct StartError: Error, Sendable {
        /// A sentence that says why.
        let message: String
        /// What shells report: 127 for a command that is not there, 126 for one that may not be run.
        let status: Int32
    }

    /// What it is known by to the system.
    let processID: pid_t
    /// Where its output can be read.
    let output: Int32
    /// Where its complaints can be read.
    let errors: Int32

    /// Starts a command.
    ///
    /// - Parameter words: the program, looked for in `PATH`, and its arguments; at least one.
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
        // Neither the pipes' other names nor our connection to the bus are any of its business. Descriptors are given out from the lowest on, so
        // what is open lies below the newest.
        let newest = (outputPipe + errorPipe).reduce(STDERR_FILENO, max)
        for descriptor in (STDERR_FILENO + 1)...newest { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // nats.c has SIGPIPE ignored, and signals may be blocked on this thread: neither is to be handed down.
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

    /// Waits until it has ended. Once.
    func outcome() async -> Outcome {
        await DispatchQueue(label: "causeway.wrapped-command").run { [processID] in
            var status: Int32 = 0
            while waitpid(processID, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            return signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
        }
    }

    /// Hands a signal on to it.
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
