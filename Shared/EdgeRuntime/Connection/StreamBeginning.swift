import EventModel

/// Where delivery to a connection begins.
struct StreamBeginning: Sendable {
    /// The position in the log.
    var position: ChainPosition
    /// The cursor of that position.
    var cursor: Cursor
    /// The gap before it, if any.
    var gap: StreamGap?
    /// The first bytes sent to the client.
    var opening: [UInt8]
}
