/// What the log says to an event that its place takes only once.
public enum AppendedOnce: Sendable {
    /// The place was free and now holds the event.
    case stored(LogEntry)
    /// The place held an event before. It may be the very same, from an attempt whose acknowledgement was lost: compare the ids.
    case occupied(LogEntry)

    /// What the place holds.
    public var entry: LogEntry {
        switch self {
        case .stored(let entry), .occupied(let entry): entry
        }
    }
}
