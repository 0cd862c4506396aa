package import Basics
package import EventModel

extension LineSplitter.Line {
    /// Maximum length of a line with an event, in bytes: a payload of maximum size, its envelope, and escapes.
    package static let maximumEventBytes = Payload.maximumBytes + 64 * 1024

    /// Parses the line's event in the native form (contract §10).
    package func draft() throws(ValidationError) -> EventDraft {
        guard let bytes else {
            throw ValidationError(field: "line", message: "must be at most \(Self.maximumEventBytes) bytes")
        }
        let first = bytes.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        guard first != UInt8(ascii: "["), let draft = try EventIntake.events(native: bytes).first else {
            throw ValidationError(field: "line", message: "must be one event, not an array")
        }
        return draft
    }
}
