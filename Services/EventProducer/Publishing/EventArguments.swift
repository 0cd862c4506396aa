import Basics
import EventModel
import OperatorCommands

/// One event from command-line options.
struct EventArguments: Sendable, Hashable {
    var type: String
    var payload: PayloadArgument
    var user: String?
    var id: String?
    var time: String?

    /// Returns the validated event. Errors name the options.
    ///
    /// - Parameter now: the default time of an event.
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
