#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The two streams that a person at a terminal, or a pipe, reads.
package enum Console {
    /// Writes a line to standard output: what the command was asked for.
    @Sendable package static func print(_ line: String) {
        write(Array("\(line)\n".utf8), to: STDOUT_FILENO)
    }

    /// Writes a line to standard error, behind the program's name: everything else there is to say.
    @Sendable package static func complain(_ sentence: String) {
        write(Array("\(ProgramName.current): \(sentence)\n".utf8), to: STDERR_FILENO)
    }

    /// Writes bytes as they are to standard output, or to standard error.
    @Sendable package static func pass(_ bytes: [UInt8], isError: Bool) {
        write(bytes, to: isError ? STDERR_FILENO : STDOUT_FILENO)
    }

    /// What shells report of a process that SIGPIPE ended.
    private static let readerHasGone: Int32 = 128 + SIGPIPE

    /// At once and whole, so that the lines of a running command can be followed.
    ///
    /// When the reader of standard output has gone, as `head` does, the process ends: nats.c has SIGPIPE ignored, which would have ended it.
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
