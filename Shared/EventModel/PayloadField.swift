/// A member of payloads for which the type table has a rule (contract §2).
public struct PayloadField: Sendable, Hashable {
    /// What the member's value must be.
    public enum Rule: Sendable, Hashable {
        /// Any value, `null` included.
        case any
        /// An ``Identifier``: services look things up by it.
        case identifier
        /// A string of at most that many bytes of UTF-8.
        case text(maximumBytes: Int)
        /// An RFC 3339 time with an offset. Checked where an event enters; an event that the log holds is read whatever the value.
        case time
    }

    /// The member's name.
    public let name: String
    /// What its value must be.
    public let rule: Rule

    static func any(_ name: String) -> PayloadField { PayloadField(name: name, rule: .any) }
    static func identifier(_ name: String) -> PayloadField { PayloadField(name: name, rule: .identifier) }
    static func text(_ name: String, maximumBytes: Int) -> PayloadField {
        PayloadField(name: name, rule: .text(maximumBytes: maximumBytes))
    }
    static func time(_ name: String) -> PayloadField { PayloadField(name: name, rule: .time) }
}
