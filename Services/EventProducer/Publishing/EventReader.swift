import Basics
import EventModel

/// Turns lines of the native form (contract §10) into events, with what the command line says for those that leave it out.
struct EventReader: Sendable {
    /// The longest line: a payload of the largest size and room for what is around it, escapes included.
    static let maximumLineBytes = Payload.maximumBytes + 64 * 1024

    /// The tenant of events that name none.
    var tenant: Tenant?

    /// The event on a line.
    ///
    /// - Parameter now: the time of an event that has none.
    func event(_ line: LineSplitter.Line, now: Timestamp, using generator: inout some RandomNumberGenerator) throws(ValidationError)
        -> Event
    {
        guard let bytes = line.bytes else {
            throw ValidationError(field: "line", message: "must be at most \(Self.maximumLineBytes) bytes")
        }
        let first = bytes.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        let drafts = first == UInt8(ascii: "[") ? [] : try EventIntake.events(native: bytes)
        guard let draft = drafts.first else {
            throw ValidationError(field: "line", message: "must be one event, not an array")
        }
        return try complete(draft, now: now, using: &generator)
    }

    /// A draft with its tenant, id and time.
    func complete(_ draft: EventDraft, now: Timestamp, using generator: inout some RandomNumberGenerator) throws(ValidationError) -> Event {
        guard let tenant = draft.tenant ?? tenant else {
            throw ValidationError(field: "tenant", message: "is missing; name it in the event, or for all events with --tenant")
        }
        return try draft.resolve(tenant: tenant, id: EventID(generated: ULID.generate(time: now, using: &generator)), time: now)
    }
}
