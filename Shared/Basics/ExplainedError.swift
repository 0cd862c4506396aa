/// An error that says in a sentence what happened and what to do, for whoever runs the process. The sentence holds no secret and no internal code.
public protocol ExplainedError: Error {
    /// The sentence.
    var message: String { get }
}
