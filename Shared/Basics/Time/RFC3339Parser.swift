/// Parses RFC 3339 instants.
package enum RFC3339 {
    /// Parses `2022-11-30T12:00:00.123456789Z` to nanoseconds since 1970, without rounding; nats-server's format.
    ///
    /// Nil if malformed, for a fraction finer than a nanosecond, and for instants before 1970 or after 2554, such as Go's zero time ("never").
    package static func nanosecondsSinceEpoch(_ text: some StringProtocol) -> UInt64? {
        guard let instant = instant(text), instant.isExact, let seconds = UInt64(exactly: instant.seconds) else { return nil }
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(UInt64(instant.nanoseconds))
        return overflow || carry ? nil : sum
    }

    /// Parses a whole text; nil if malformed.
    static func instant(_ text: some StringProtocol) -> RFC3339Parser.Instant? {
        var text = String(text)
        return text.withUTF8 { utf8 in
            var parser = RFC3339Parser(utf8)
            return parser.parse()
        }
    }
}

/// Parses one RFC 3339 §5.6 `date-time` from UTF-8, which it must not outlive.
struct RFC3339Parser {
    /// An instant in UTC.
    struct Instant {
        /// Since 1970; negative before it.
        var seconds: Int64
        /// 0…999,999,999, added to ``seconds``.
        var nanoseconds: Int
        /// Whether the fraction was not finer than a nanosecond.
        var isExact: Bool

        var milliseconds: Int64 { seconds * 1000 + Int64(nanoseconds / 1_000_000) }
    }

    /// Nanoseconds, and whether no digit but 0 followed them.
    private typealias Fraction = (nanoseconds: Int, isExact: Bool)

    private let text: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
    }

    /// Parses the whole text; nil if it is not a valid `date-time`.
    mutating func parse() -> Instant? {
        guard let year = digits(4), take("-"), let month = digits(2), take("-"), let day = digits(2),
            take("T") || take("t"),
            let hour = digits(2), take(":"), let minute = digits(2), take(":"), let second = digits(2)
        else { return nil }
        var fraction: Fraction = (0, true)
        if take(".") {
            guard let given = self.fraction() else { return nil }
            fraction = given
        }
        guard let offset = offset(), position == text.count,
            (1...12).contains(month), (1...CivilDate.daysInMonth(month, ofYear: year)).contains(day),
            hour <= 23, minute <= 59, second <= 60
        else { return nil }

        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        let seconds = days * 86_400 + Int64(hour * 3600 + minute * 60 + second - offset)
        if second == 60 {
            // A leap second is inserted at the end of a day of UTC and nowhere else.
            guard seconds % 86_400 == 0 else { return nil }
            fraction.nanoseconds = 0
        }
        return Instant(seconds: seconds, nanoseconds: fraction.nanoseconds, isExact: fraction.isExact)
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func digit() -> Int? {
        guard position < text.count, text[position] &- UInt8(ascii: "0") < 10 else { return nil }
        defer { position += 1 }
        return Int(text[position] &- UInt8(ascii: "0"))
    }

    private mutating func digits(_ count: Int) -> Int? {
        var value = 0
        for _ in 0..<count {
            guard let digit = digit() else { return nil }
            value = value * 10 + digit
        }
        return value
    }

    /// One or more digits; those after the ninth are dropped.
    private mutating func fraction() -> Fraction? {
        var value = 0
        var weight = 100_000_000
        var isExact = true
        let start = position
        while let digit = digit() {
            value += digit * weight
            if weight == 0, digit != 0 { isExact = false }
            weight /= 10
        }
        return position > start ? (value, isExact) : nil
    }

    /// Seconds east of UTC.
    private mutating func offset() -> Int? {
        if take("Z") || take("z") { return 0 }
        let sign: Int
        if take("+") {
            sign = 1
        } else if take("-") {
            sign = -1
        } else {
            return nil
        }
        guard let hours = digits(2), take(":"), let minutes = digits(2), hours <= 23, minutes <= 59 else { return nil }
        return sign * (hours * 3600 + minutes * 60)
    }
}
