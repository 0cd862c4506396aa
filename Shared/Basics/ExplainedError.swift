/// An error with a sentence for operators: what happened and what to do. No secrets, no internal codes.
public protocol ExplainedError: Error {
    /// The sentence.
    var message: String { get }
}
