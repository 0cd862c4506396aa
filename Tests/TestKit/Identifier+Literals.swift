public import Basics

/// Tests write identifiers as literals. The product cannot: there every text passes the checked initialiser.
extension Identifier: ExpressibleByStringLiteral {
    /// Traps for a literal that breaks the rules of identifiers.
    public init(stringLiteral text: String) {
        do throws(ValidationError) {
            try self.init(text)
        } catch {
            preconditionFailure("\(text) is no identifier: \(error)")
        }
    }
}

extension ExecutionNumber: ExpressibleByIntegerLiteral {
    /// Traps for a literal that is not in the range.
    public init(integerLiteral value: UInt64) {
        guard let number = ExecutionNumber(value) else { preconditionFailure("\(value) is no number of an event") }
        self = number
    }
}
