public import EventModel

/// The log's word that an event is stored.
public struct Appended: Sendable, Hashable {
    /// The event's id on every surface.
    public var cursor: Cursor
    /// Whether the log held the event already, so that ``cursor`` is that of the first time. An append that had to be repeated because the
    /// first acknowledgement was lost may find its own event.
    public var isDuplicate: Bool

    /// Describes an append.
    public init(cursor: Cursor, isDuplicate: Bool) {
        self.cursor = cursor
        self.isDuplicate = isDuplicate
    }
}
