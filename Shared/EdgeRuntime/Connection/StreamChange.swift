/// A change to what a connection sends; applied between two entries.
enum StreamChange: Sendable {
    /// A cursor of the conversation was resolved, in this generation of the log.
    case resume(String, StreamStart, generation: UInt32)
    case encoder(any StreamEncoder)
}
