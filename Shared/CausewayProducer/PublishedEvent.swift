import Basics
import EventLog
public import EventModel

/// The acknowledgement that an event is stored.
public struct PublishedEvent: Sendable, Hashable {
    /// The event's id, the deduplication key for two minutes: the caller's, or a generated one.
    public let id: String
    /// The event's id on every surface and its place in the log; its ``EventModel/Cursor/text`` begins with `evt_`.
    public let cursor: Cursor
    /// Whether it is a duplicate: nothing was stored, and ``cursor`` is that of the stored event.
    ///
    /// A retry after a lost acknowledgement may find its own event.
    public let isDuplicate: Bool

    /// Creates a result.
    public init(id: String, cursor: Cursor, isDuplicate: Bool) {
        self.id = id
        self.cursor = cursor
        self.isDuplicate = isDuplicate
    }
}

extension PublishedEvent {
    init(_ event: Event, _ appended: Appended) {
        self.init(id: event.id.text, cursor: appended.cursor, isDuplicate: appended.isDuplicate)
    }
}
