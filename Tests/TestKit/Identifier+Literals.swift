public import Basics

/// Lets tests write identifiers as literals. Product code must use the checked initialiser.
extension Identifier: ExpressibleByStringLiteral {
    /// Traps if the literal is not a valid identifier.
    public init(stringLiteral text: String) {
        do throws(ValidationError) {
            try self.init(text)
        } catch {
            preconditionFailure("\(text) is no identifier: \(error)")
        }
    }
}

extension ExecutionNumber: ExpressibleByIntegerLiteral {
    /// Traps if the literal is out of range.
    public init(integerLiteral value: UInt64) {
        guard let number = ExecutionNumber(value) else { preconditionFailure("\(value) is no number of an event") }
        self = number
    }
}
