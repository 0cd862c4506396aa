import Glibc

/// Writes text that is not a log entry to standard output and standard error.
enum StandardStream {
    /// Writes an error message as one line to standard error, after the program's name, with tokens redacted. For errors before logging is set up.
    static func complain(_ sentence: String, program: String) {
        let shown = LogRedaction.redacted(sentence).map { $0.isNewline ? " " : String($0) }.joined()
        DescriptorOutput.write(Array("\(program): \(shown)\n".utf8), to: STDERR_FILENO)
    }

    /// Writes `text` to standard output, as it is.
    static func print(_ text: String) {
        DescriptorOutput.write(Array(text.utf8), to: STDOUT_FILENO)
    }
}
