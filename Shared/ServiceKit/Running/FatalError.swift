import Basics

/// The message of the last log line of a process that an error ends.
enum FatalError {
    /// Returns the error's message without its code; for an error without message, its description.
    static func sentence(of error: any Error) -> String {
        (error as? any ExplainedError)?.message ?? "\(error)"
    }
}
