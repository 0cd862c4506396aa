import Basics
import EventLog
public import EventModel

/// The log's word that an event is stored.
public struct PublishedEvent: Sendable, Hashable {
    /// The id by which a repetition of the event is recognised for two minutes: the caller's, or the one that was made for it.
    public let id: String
    /// The event's id on every surface, and its place in the log; its ``EventModel/Cursor/text`` begins with `evt_`.
    public let cursor: Cursor
    /// Whether the log held the event already, so that nothing was stored and ``cursor`` is that of the first time.
    ///
    /// A publish whose first acknowledgement was lost may find its own event.
    public let isDuplicate: Bool

    /// Describes a publish.
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
