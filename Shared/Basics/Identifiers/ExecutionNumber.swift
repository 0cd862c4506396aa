/// The number of an execution event: increases over all executions of one agent or workflow, and never repeats (contract §9).
///
/// The range ends below the type's maximum, so that arithmetic on a valid number cannot overflow.
public struct ExecutionNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The valid numbers.
    public static let range: ClosedRange<UInt64> = 1...(1 << 62)
    /// The first number.
    public static let first = ExecutionNumber(unchecked: 1)

    /// The number.
    public let value: UInt64

    /// Creates a number; nil outside of ``range``.
    public init?(_ value: UInt64) {
        guard Self.range.contains(value) else { return nil }
        self.value = value
    }

    /// Parses decimal digits only: no sign, space or exponent. Nil if malformed or outside of ``range``.
    public init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let value = UInt64(text) else { return nil }
        self.init(value)
    }

    private init(unchecked value: UInt64) {
        self.value = value
    }

    /// The next number; nil at the end of ``range``.
    public var next: ExecutionNumber? { ExecutionNumber(value + 1) }

    public static func < (left: ExecutionNumber, right: ExecutionNumber) -> Bool { left.value < right.value }

    public var description: String { String(value) }
}
