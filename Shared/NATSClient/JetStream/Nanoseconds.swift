extension Duration {
    /// Whole nanoseconds, as the JetStream API counts time; at the ends of `Int64` it stays there.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        guard !overflow, !carry else { return seconds < 0 ? .min : .max }
        return sum
    }
}

extension KeyedDecodingContainer {
    /// A duration in nanoseconds; nil if the key is missing.
    func decodeNanoseconds(forKey key: Key) throws -> Duration? {
        try decodeIfPresent(Int64.self, forKey: key).map { .nanoseconds($0) }
    }

    /// An instant in RFC 3339, as nanoseconds since 1970; nil if the key is missing.
    func decodeInstant(forKey key: Key) throws -> UInt64? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let instant = ServerTime.nanoseconds(rfc3339: text) else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "not an instant in RFC 3339")
        }
        return instant
    }
}

/// Instants as nats-server writes them.
enum ServerTime {
    /// `2022-11-30T12:00:00.123456789Z` as nanoseconds since 1970, exactly. The fraction may have one to nine digits or be missing, and an
    /// offset may stand for the `Z`. Nil for anything else and for instants before 1970, such as Go's zero time, which says "never".
    static func nanoseconds(rfc3339 text: String) -> UInt64? {
        var digits = Reader(rest: text.utf8[...])
        guard
            let year = digits.number(4), digits.skip("-"), let month = digits.number(2), digits.skip("-"), let day = digits.number(2),
            digits.skip("T"), let hour = digits.number(2), digits.skip(":"), let minute = digits.number(2), digits.skip(":"),
            let second = digits.number(2), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60,
            let fraction = digits.fraction(), let offset = digits.offset(), digits.rest.isEmpty
        else { return nil }
        let seconds = ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute - offset) * 60 + second
        guard seconds >= 0 else { return nil }
        return UInt64(seconds) * 1_000_000_000 + UInt64(fraction)
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar, by counting years from March, so that the leap day comes last.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private struct Reader {
        var rest: Substring.UTF8View

        mutating func skip(_ expected: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: expected) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(_ count: Int) -> Int? {
            let digits = rest.prefix(count)
            guard digits.count == count else { return nil }
            var value = 0
            for digit in digits {
                guard (0x30...0x39).contains(digit) else { return nil }
                value = value * 10 + Int(digit - 0x30)
            }
            rest = rest.dropFirst(count)
            return value
        }

        /// Nanoseconds; 0 if there is no fraction.
        mutating func fraction() -> Int? {
            guard skip(".") else { return 0 }
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            guard (1...9).contains(count), let value = number(count) else { return nil }
            return (count..<9).reduce(value) { value, _ in value * 10 }
        }

        /// Minutes east of UTC.
        mutating func offset() -> Int? {
            if skip("Z") { return 0 }
            let isEast = rest.first == UInt8(ascii: "+")
            guard isEast ? skip("+") : skip("-"), let hours = number(2), skip(":"), let minutes = number(2) else { return nil }
            return (isEast ? 1 : -1) * (hours * 60 + minutes)
        }
    }
}
