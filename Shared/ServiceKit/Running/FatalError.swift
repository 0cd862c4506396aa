import Basics

/// What the last line of a process says that an error has ended.
enum FatalError {
    /// The error's own sentence, without the code behind it; of an error that has none, whatever it calls itself.
    static func sentence(of error: any Error) -> String {
        (error as? any ExplainedError)?.message ?? "\(error)"
    }
}
