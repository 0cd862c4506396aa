import Basics
import Dispatch
import Subprocess
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A command to run as a child process that inherits this process's standard input, and whose output this process reads.
///
/// swift-subprocess starts it: with default signal handlers, no blocked signal, no descriptor but the three standard ones, and in this
/// process's group, so that a terminal's signals reach both.
///
/// The pipes are not the library's: it stops reading when the command ends, and would lose what a background process of the command writes
/// after that.
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

        /// - Parameters:
        ///   - word: the command's first word.
        ///   - code: the error of the system, an `errno`.
        init(_ word: String, _ code: Int32) {
            message = "\(word) cannot be run: \(String(cString: strerror(code)))"
            status = code == ENOENT ? 127 : 126
        }
    }

    /// Forwards signals: calls its parameter with each until its task is cancelled.
    typealias Forwarding = @Sendable (_ send: @escaping @Sendable (Int32) -> Void) async -> Void

    /// The descriptor to read its standard output from. Its reader closes it.
    let output: Int32
    /// The descriptor to read its standard error from. Its reader closes it.
    let errors: Int32

    private let words: [String]
    private let outputEnd: FileDescriptor
    private let errorsEnd: FileDescriptor

    /// Creates the pipes. Call ``run(forwarding:)`` once, also to close their other ends.
    ///
    /// - Parameter words: the program, searched in `PATH` unless it has a slash, and its arguments; at least one word.
    init(_ words: [String]) throws(StartError) {
        do throws(Errno) {
            let output = try FileDescriptor.openPipe()
            let errors: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
            do throws(Errno) {
                errors = try FileDescriptor.openPipe()
            } catch {
                try? output.readEnd.close()
                try? output.writeEnd.close()
                throw error
            }
            self.words = words
            (self.output, outputEnd) = (output.readEnd.rawValue, output.writeEnd)
            (self.errors, errorsEnd) = (errors.readEnd.rawValue, errors.writeEnd)
        } catch {
            throw StartError(words[0], error.rawValue)
        }
    }

    /// Runs the command, and waits for its end. Call once.
    ///
    /// - Parameter forwarding: runs as long as the command. A signal is sent to the command only while its process id is its own.
    func run(forwarding: @escaping Forwarding) async throws(StartError) -> Outcome {
        let status: TerminationStatus
        do {
            status = try await Subprocess.run(
                words[0].utf8.contains(UInt8(ascii: "/")) ? .path(FilePath(words[0])) : .name(words[0]),
                arguments: Arguments(executablePathOverride: words[0], remainingValues: Array(words.dropFirst())),
                environment: .custom(Self.environment()),
                input: .fileDescriptor(.standardInput, closeAfterSpawningProcess: false),
                output: .fileDescriptor(outputEnd, closeAfterSpawningProcess: true),
                error: .fileDescriptor(errorsEnd, closeAfterSpawningProcess: true)
            ) { execution in
                await withTaskGroup { group in
                    group.addTask {
                        // The command may have ended, and then needs no signal.
                        await forwarding { try? execution.send(signal: Signal(rawValue: $0)) }
                    }
                    await Self.end(of: execution.processIdentifier.value)
                    group.cancelAll()
                }
            }.terminationStatus
        } catch {
            throw startError(error)
        }
        return switch status {
        case .exited(let code): .exit(code)
        case .signaled(let signal): .signal(signal)
        }
    }

    /// Waits until a child process has ended, and leaves its id taken: the library frees it after its closure, which cannot wait otherwise.
    private static func end(of processID: pid_t) async {
        await DispatchQueue(label: "causeway.wrapped-command").run {
            var information = siginfo_t()
            while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        }
    }

    private func startError(_ error: any Error) -> StartError {
        let error = error as? SubprocessError
        guard error?.code == .executableNotFound else { return StartError(words[0], error?.underlyingError?.rawValue ?? EIO) }
        return StartError(words[0], Self.reason(words[0]))
    }

    /// Returns why the library found no executable file. It reports a file that cannot be executed, or is below one that is not a folder,
    /// like a missing one.
    private static func reason(_ path: String) -> Int32 {
        guard path.utf8.contains(UInt8(ascii: "/")) else { return ENOENT }
        var status = stat()
        guard stat(path, &status) == 0 else { return errno }
        // An executable file that cannot be found: the interpreter of its first line is missing.
        return status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0 ? ENOENT : EACCES
    }

    /// This process's environment, byte for byte. Without what the library refuses: entries without a value, and names that begin with a
    /// digit.
    private static func environment() -> [[UInt8]] {
        var entries: [[UInt8]] = []
        var next: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = environ
        while let entry = next.pointee {
            entries.append(Array(UnsafeRawBufferPointer(start: entry, count: strlen(entry) + 1)))
            next += 1
        }
        return entries.filter { entry in
            entry.contains(UInt8(ascii: "=")) && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(entry[0])
        }
    }
}

extension FileDescriptor {
    /// Creates a pipe.
    fileprivate static func openPipe() throws(Errno) -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
        do {
            return try pipe()
        } catch {
            throw error as? Errno ?? .ioError
        }
    }
}
