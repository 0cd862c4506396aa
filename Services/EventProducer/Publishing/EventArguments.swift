import Basics
import EventModel

/// One event as the options of a command line describe it.
struct EventArguments: Sendable, Hashable {
    var type: String
    var payload: PayloadArgument
    var user: String?
    var id: String?
    var time: String?

    /// The event, checked. Errors name the parts as the options do.
    ///
    /// - Parameter now: the time of an event that has none.
    func event(
        _ reader: EventReader,
        now: Timestamp,
        using generator: inout some RandomNumberGenerator
    ) throws(ValidationError) -> Event {
        var instant: Timestamp?
        if let time {
            instant = Timestamp(rfc3339: time)
            guard instant != nil else {
                throw ValidationError(field: "time", message: "must be RFC 3339 with an offset, such as 2024-04-01T14:32:10Z")
            }
        }
        let draft = try EventDraft(
            type: EventType(type),
            payload: payload.payload(),
            user: user.map { text throws(ValidationError) in try UserID(text) },
            id: id.map { text throws(ValidationError) in try EventID(text) },
            time: instant
        )
        return try reader.complete(draft, now: now, using: &generator)
    }
}
