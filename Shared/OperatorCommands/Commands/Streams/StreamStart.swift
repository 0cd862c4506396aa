import Basics
import EventModel

/// Where a stream begins: `--since`.
enum StreamStart: Sendable, Hashable {
    /// Behind an event (contract §3).
    case cursor(String)
    /// With the oldest event that the log keeps.
    case oldest
    /// With the first event that was taken in at this time or later.
    case moment(Timestamp)

    /// Parses a cursor, `start`, a duration before `now`, or a time.
    init?(_ text: String, now: Timestamp) {
        if text == "start" {
            self = .oldest
        } else if Cursor(text) != nil {
            self = .cursor(text)
        } else if let moment = Timestamp(rfc3339: text) {
            self = .moment(moment)
        } else if let duration = DurationText.parse(text) {
            self = .moment(now.advanced(by: .zero - duration))
        } else {
            return nil
        }
    }

    /// The cursor of the first request. Streams begin at cursors alone, so a time is looked for from the oldest event.
    var lastEventID: String {
        if case .cursor(let text) = self { text } else { "" }
    }

    /// Whether an event is before this place. Ids hold the time of intake (contract §3).
    func isBefore(_ event: StreamEvent) -> Bool {
        guard case .moment(let moment) = self, let cursor = event.id.flatMap({ Cursor($0) }) else { return false }
        return cursor.time < moment
    }
}
