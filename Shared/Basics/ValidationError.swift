/// A value from outside that breaks a rule of the wire contract.
///
/// `field` is the value's path in the input (`type`, `[3].payload.incidentId`), `message` a sentence with the remedy. Neither repeats more than a
/// few characters of the input, so both may be logged and sent back.
public struct ValidationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault.
    public enum Kind: Sendable, Hashable {
        /// The value breaks a rule; send another one.
        case invalid
        /// The value exceeds the size limit.
        case tooLarge
    }

    /// The kind of fault; determines the status of a response.
    public let kind: Kind
    /// The value's path in the input.
    public let field: String
    /// The error message with the remedy, without the field's name.
    public let message: String

    /// Creates an error about one field.
    public init(field: String, message: String, kind: Kind = .invalid) {
        self.kind = kind
        self.field = field
        self.message = message
    }

    /// `field: message`.
    public var description: String { "\(field): \(message)" }

    /// Returns the fault with the path of the enclosing value: `payload` within `[3]` is `[3].payload`, the value itself `[3]`.
    package func within(_ outer: String) -> ValidationError {
        ValidationError(field: field.isEmpty ? outer : "\(outer).\(field)", message: message, kind: kind)
    }

    /// Returns the fault with another field name.
    package func renamed(_ field: String) -> ValidationError {
        ValidationError(field: field, message: message, kind: kind)
    }
}

extension ValidationError {
    /// Returns an excerpt of the input for errors: at most 40 characters, safe for logs and terminals.
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
