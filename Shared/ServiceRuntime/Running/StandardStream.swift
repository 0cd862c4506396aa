import Glibc

/// The two streams of a process, for the few words that are no log entry.
enum StandardStream {
    /// Writes a sentence on a line of its own to standard error, under the program's name.
    static func complain(_ sentence: String, program: String) {
        let shown = LogRedaction.redacted(sentence).map { $0.isNewline ? " " : String($0) }.joined()
        LogSink.standardError.write(Array("\(program): \(shown)\n".utf8))
    }

    /// Writes `text` to standard output, as it is.
    static func print(_ text: String) {
        LogSink(fileDescriptor: STDOUT_FILENO).write(Array(text.utf8))
    }
}
