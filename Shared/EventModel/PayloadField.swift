/// A payload member with a rule in the type table (contract §2).
public struct PayloadField: Sendable, Hashable {
    /// The constraint on the member's value.
    public enum Rule: Sendable, Hashable {
        /// Any value, `null` included.
        case any
        /// An ``Identifier``: services use it as a key.
        case identifier
        /// A string of at most that many bytes of UTF-8.
        case text(maximumBytes: Int)
        /// An RFC 3339 time with an offset. Checked at intake only; a stored event is read whatever the value.
        case time
    }

    /// The member's name.
    public let name: String
    /// The constraint on its value.
    public let rule: Rule

    static func any(_ name: String) -> PayloadField { PayloadField(name: name, rule: .any) }
    static func identifier(_ name: String) -> PayloadField { PayloadField(name: name, rule: .identifier) }
    static func text(_ name: String, maximumBytes: Int) -> PayloadField {
        PayloadField(name: name, rule: .text(maximumBytes: maximumBytes))
    }
    static func time(_ name: String) -> PayloadField { PayloadField(name: name, rule: .time) }
}
