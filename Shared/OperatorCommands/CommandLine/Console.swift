import ServiceKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes to standard output and standard error.
package enum Console {
    /// Writes a line to standard output: the command's result. Exits when it cannot be written: what is lost must not pass for printed.
    @Sendable package static func print(_ line: String) {
        guard let error = write(Array("\(line)\n".utf8), to: STDOUT_FILENO) else { return }
        complain("standard output cannot be written: \(String(cString: strerror(error)))")
        exit(outputFailed)
    }

    /// Writes a line to standard error, after the program's name: errors and progress. An error has nowhere to be told.
    @Sendable package static func complain(_ sentence: String) {
        _ = write(Array("\(ProgramName.current): \(sentence)\n".utf8), to: STDERR_FILENO)
    }

    /// Writes bytes unchanged to standard output, or to standard error. A command whose output cannot be passed on goes on.
    @Sendable package static func pass(_ bytes: [UInt8], isError: Bool) {
        _ = write(bytes, to: isError ? STDERR_FILENO : STDOUT_FILENO)
    }

    /// The exit code that shells report for a process that SIGPIPE ended.
    private static let readerHasGone: Int32 = 128 + SIGPIPE

    /// The exit code for output that is incomplete (`EX_IOERR` of sysexits.h).
    private static let outputFailed: Int32 = 74

    /// Writes all bytes without buffering, so that the output of a running command can be followed. Returns the error after which the rest is not written.
    ///
    /// Exits when the reader of standard output has closed it, as `head` does. SIGPIPE does not end the process, because nats.c ignores it.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { bytes in
                #if canImport(Glibc)
                    Glibc.write(descriptor, bytes.baseAddress, bytes.count)
                #elseif canImport(Musl)
                    Musl.write(descriptor, bytes.baseAddress, bytes.count)
                #endif
            }
            guard written > 0 else {
                let reason = errno
                switch reason {
                case EINTR: break
                case EAGAIN:
                    // Another process of the terminal or pipe has made it non-blocking.
                    var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&wanted, 1, -1)
                case EPIPE where descriptor == STDOUT_FILENO: exit(readerHasGone)
                default: return reason
                }
                continue
            }
            rest = rest.dropFirst(written)
        }
        return nil
    }
}
