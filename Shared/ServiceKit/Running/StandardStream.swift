import Glibc

/// The two streams of a process, for the few words that are no log entry.
enum StandardStream {
    /// Writes a sentence on a line of its own to standard error, under the program's name: for what goes wrong before there is a log.
    static func complain(_ sentence: String, program: String) {
        let shown = LogRedaction.redacted(sentence).map { $0.isNewline ? " " : String($0) }.joined()
        DescriptorOutput.write(Array("\(program): \(shown)\n".utf8), to: STDERR_FILENO)
    }

    /// Writes `text` to standard output, as it is.
    static func print(_ text: String) {
        DescriptorOutput.write(Array(text.utf8), to: STDOUT_FILENO)
    }
}
