import Basics
import EventModel
import OperatorCommands

/// Parses lines of the native form (contract §10) into events, with defaults from the command line.
struct EventReader: Sendable {
    /// Maximum length of a line in bytes: a payload of maximum size, its envelope, and escapes.
    static let maximumLineBytes = Payload.maximumBytes + 64 * 1024

    /// The default tenant; nil to require one in each event.
    var tenant: Tenant?

    /// Parses the event on a line.
    ///
    /// - Parameter now: the default time of an event.
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

    /// Adds tenant, id and time to a draft.
    func complete(_ draft: EventDraft, now: Timestamp, using generator: inout some RandomNumberGenerator) throws(ValidationError) -> Event {
        guard let tenant = draft.tenant ?? tenant else {
            throw ValidationError(field: "tenant", message: "is missing; name it in the event, or for all events with --tenant")
        }
        return try draft.resolve(tenant: tenant, id: EventID(generated: ULID.generate(time: now, using: &generator)), time: now)
    }
}
