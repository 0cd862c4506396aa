import EventModel

/// Where delivery to a connection begins.
struct StreamBeginning: Sendable {
    /// The place in the log.
    var position: ChainPosition
    /// A cursor to it.
    var cursor: Cursor
    /// What the client misses before it.
    var gap: StreamGap?
    /// What the client gets first.
    var opening: [UInt8]
}
