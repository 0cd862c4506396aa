/// Something that changes what a connection sends, and waits until the entry under way is whole.
enum StreamChange: Sendable {
    /// A cursor of the conversation was found, in this life of the log.
    case resume(String, StreamStart, generation: UInt32)
    case encoder(any StreamEncoder)
}
