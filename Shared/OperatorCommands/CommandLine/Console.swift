import ServiceKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes to standard output and standard error.
package enum Console {
    /// Writes a line to standard output: the command's result.
    @Sendable package static func print(_ line: String) {
        write(Array("\(line)\n".utf8), to: STDOUT_FILENO)
    }

    /// Writes a line to standard error, after the program's name: errors and progress.
    @Sendable package static func complain(_ sentence: String) {
        write(Array("\(ProgramName.current): \(sentence)\n".utf8), to: STDERR_FILENO)
    }

    /// Writes bytes unchanged to standard output, or to standard error.
    @Sendable package static func pass(_ bytes: [UInt8], isError: Bool) {
        write(bytes, to: isError ? STDERR_FILENO : STDOUT_FILENO)
    }

    /// The exit code that shells report for a process that SIGPIPE ended.
    private static let readerHasGone: Int32 = 128 + SIGPIPE

    /// Writes all bytes without buffering, so that the output of a running command can be followed.
    ///
    /// Exits when the reader of standard output has closed it, as `head` does. SIGPIPE does not end the process, because nats.c ignores it.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
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
                if errno == EINTR { continue }
                if errno == EPIPE, descriptor == STDOUT_FILENO { exit(readerHasGone) }
                return
            }
            rest = rest.dropFirst(written)
        }
    }
}
