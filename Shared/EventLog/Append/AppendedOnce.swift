/// The result of a create-once append.
public enum AppendedOnce: Sendable {
    /// The place was free and now has the event.
    case stored(LogEntry)
    /// The place had an event, perhaps the same one from an attempt whose acknowledgement was lost: compare the ids.
    case occupied(LogEntry)

    /// The entry at the place.
    public var entry: LogEntry {
        switch self {
        case .stored(let entry), .occupied(let entry): entry
        }
    }
}
