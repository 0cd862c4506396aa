/// A connection's reaction to input.
enum InboundReaction: Sendable, Equatable {
    /// Send these bytes between two entries.
    case send([UInt8])
    /// Hand this text to the conversation.
    case pass([UInt8])
    /// Renew the connection's token by this one.
    case authenticate(String)
    /// Close the connection.
    case end(Ending)
}
