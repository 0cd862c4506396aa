/// The number of an execution's event, increasing over all executions of one agent or workflow and never given twice (contract §9).
///
/// The range leaves room above it, so that no arithmetic on a valid number overflows.
public struct ExecutionNumber: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The numbers that an event can have.
    public static let range: ClosedRange<UInt64> = 1...(1 << 62)
    /// The number of the first event of all.
    public static let first = ExecutionNumber(unchecked: 1)

    /// The number itself.
    public let value: UInt64

    /// Nil when `value` is not in ``range``.
    public init?(_ value: UInt64) {
        guard Self.range.contains(value) else { return nil }
        self.value = value
    }

    /// Reads decimal digits and nothing else: no sign, no space, no exponent. Nil for anything else and for what is not in ``range``.
    public init?(_ text: some StringProtocol) {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }), let value = UInt64(text) else { return nil }
        self.init(value)
    }

    private init(unchecked value: UInt64) {
        self.value = value
    }

    /// The number that comes next; nil at the end of ``range``.
    public var next: ExecutionNumber? { ExecutionNumber(value + 1) }

    public static func < (left: ExecutionNumber, right: ExecutionNumber) -> Bool { left.value < right.value }

    public var description: String { String(value) }
}
