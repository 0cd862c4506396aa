public import EventModel

/// The acknowledgement that an event is stored.
public struct Appended: Sendable, Hashable {
    /// The event's id on every surface.
    public var cursor: Cursor
    /// Whether the log had the event already; ``cursor`` is then that of the stored event. A retry after a lost acknowledgement may find its
    /// own event.
    public var isDuplicate: Bool

    /// Creates an acknowledgement.
    public init(cursor: Cursor, isDuplicate: Bool) {
        self.cursor = cursor
        self.isDuplicate = isDuplicate
    }
}
