import Basics
import EventModel
import OperatorCommands

/// Parses lines of the native form (contract §10) into events, with defaults from the command line.
struct EventReader: Sendable {
    /// The default tenant; nil to require one in each event.
    var tenant: Tenant?

    /// Parses the event on a line.
    ///
    /// - Parameter now: the default time of an event.
    func event(_ line: LineSplitter.Line, now: Timestamp, using generator: inout some RandomNumberGenerator) throws(ValidationError)
        -> Event
    {
        try complete(line.draft(), now: now, using: &generator)
    }

    /// Adds tenant, id and time to a draft.
    func complete(_ draft: EventDraft, now: Timestamp, using generator: inout some RandomNumberGenerator) throws(ValidationError) -> Event {
        guard let tenant = draft.tenant ?? tenant else {
            throw ValidationError(field: "tenant", message: "is missing; name it in the event, or for all events with --tenant")
        }
        return try draft.resolve(tenant: tenant, id: EventID(generated: ULID.generate(time: now, using: &generator)), time: now)
    }
}
