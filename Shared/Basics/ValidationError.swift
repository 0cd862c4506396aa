/// A value that came from outside and breaks a rule of the wire contract.
///
/// `field` is the path of the value in what the caller sent (`type`, `[3].payload.incidentId`), `message` a sentence
/// that says what to do. Neither repeats more than a few characters of the input, so both may be logged and sent back.
public struct ValidationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it is.
    public enum Kind: Sendable, Hashable {
        /// The value breaks a rule; another one must be sent.
        case invalid
        /// The value is larger than any value may be.
        case tooLarge
    }

    /// What kind of fault it is; decides the status of an answer.
    public let kind: Kind
    /// Where the fault lies, as a path into the input.
    public let field: String
    /// What to change, as a sentence without the field's name in front.
    public let message: String

    /// Creates an error about one field.
    public init(field: String, message: String, kind: Kind = .invalid) {
        self.kind = kind
        self.field = field
        self.message = message
    }

    /// `field: message`.
    public var description: String { "\(field): \(message)" }

    /// The same fault seen from the enclosing value: `payload` within `[3]` is `[3].payload`, and the value itself is `[3]`.
    package func within(_ outer: String) -> ValidationError {
        ValidationError(field: field.isEmpty ? outer : "\(outer).\(field)", message: message, kind: kind)
    }

    /// The same fault under the name that the sender knows the value by.
    package func renamed(_ field: String) -> ValidationError {
        ValidationError(field: field, message: message, kind: kind)
    }
}

extension ValidationError {
    /// A piece of the input as an error may show it: at most 40 characters, and nothing that could break a line or a terminal.
    package static func excerpt(_ text: String) -> String {
        var shown = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            if index == 40 {
                shown += "…"
                break
            }
            let isPrintable = scalar.value >= 0x20 && scalar != "\"" && !(0x7F...0x9F).contains(scalar.value)
            shown.unicodeScalars.append(isPrintable ? scalar : "\u{FFFD}")
        }
        return "\"\(shown)\""
    }
}
