/// An instant in UTC, in whole milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Milliseconds since 1970; negative before it.
    public let millisecondsSinceEpoch: Int64

    /// Creates an instant from milliseconds since 1970.
    public init(millisecondsSinceEpoch: Int64) {
        self.millisecondsSinceEpoch = millisecondsSinceEpoch
    }

    /// Creates an instant from nanoseconds since 1970, nats-server's unit; truncates to milliseconds.
    public init(nanosecondsSinceEpoch: Int64) {
        self.init(millisecondsSinceEpoch: nanosecondsSinceEpoch.flooredQuotientAndRemainder(dividingBy: 1_000_000).quotient)
    }

    /// The range that RFC 3339 can express in UTC.
    private static let writable = Int64(-62_167_219_200_000)...253_402_300_799_999

    /// Parses RFC 3339, for example `2024-04-01T16:32:10.123456+02:00`.
    ///
    /// Accepts any offset; truncates the fraction to milliseconds. A leap second (`23:59:60` in UTC) is the first instant of the next day, as in POSIX
    /// time. Nil if malformed: a missing offset, a space for the `T`, an invalid date, or a result outside the years 0 to 9999, which RFC 3339 cannot
    /// express.
    public init?(rfc3339 text: some StringProtocol) {
        guard let milliseconds = RFC3339.instant(text)?.milliseconds, Self.writable.contains(milliseconds) else { return nil }
        self.init(millisecondsSinceEpoch: milliseconds)
    }

    /// `2024-04-01T14:32:10.000Z`; a year outside 0…9999 has a sign and at least six digits, as in ECMAScript.
    public var iso8601: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(27)
        appendISO8601(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    public var description: String { iso8601 }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.millisecondsSinceEpoch < right.millisecondsSinceEpoch
    }

    /// Appends ``iso8601`` without an intermediate string.
    package func appendISO8601(to out: inout [UInt8]) {
        let (days, remainder) = millisecondsSinceEpoch.flooredQuotientAndRemainder(dividingBy: 86_400_000)
        let inDay = Int(remainder)
        let date = CivilDate(daysSinceEpoch: days)
        if (0...9999).contains(date.year) {
            out.appendDecimal(date.year, width: 4)
        } else {
            out.append(UInt8(ascii: date.year < 0 ? "-" : "+"))
            out.appendDecimal(abs(date.year), width: 6)
        }
        out.append(count: 20) { place in
            func put(_ separator: Unicode.Scalar, _ value: Int, width: Int, at offset: Int) {
                place[offset] = UInt8(ascii: separator)
                DecimalDigits.write(value, to: place + offset + 1, width: width)
            }
            put("-", date.month, width: 2, at: 0)
            put("-", date.day, width: 2, at: 3)
            put("T", inDay / 3_600_000, width: 2, at: 6)
            put(":", inDay / 60_000 % 60, width: 2, at: 9)
            put(":", inDay / 1000 % 60, width: 2, at: 12)
            put(".", inDay % 1000, width: 3, at: 15)
            place[19] = UInt8(ascii: "Z")
        }
    }
}

extension Timestamp {
    /// Returns the instant `duration` later, in whole milliseconds; saturates at the ends of `Int64`.
    package func advanced(by duration: Duration) -> Timestamp {
        let (sum, overflow) = millisecondsSinceEpoch.addingReportingOverflow(duration.milliseconds)
        return Timestamp(millisecondsSinceEpoch: overflow ? (duration < .zero ? .min : .max) : sum)
    }
}

extension Timestamp {
    private static let dayNames = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Parses ``httpDate``; nil for the obsolete forms, and for a day of the week that is not the date's.
    package init?(httpDate text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 6, let month = Self.monthNames.firstIndex(of: String(words[2])) else { return nil }
        let digits = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        guard let time = Timestamp(rfc3339: "\(words[3])-\(digits)-\(words[1])T\(words[4])Z"), time.httpDate == text else { return nil }
        self = time
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the form of HTTP header fields (RFC 9110 §5.6.7, IMF-fixdate).
    package var httpDate: String {
        let (days, remainder) = millisecondsSinceEpoch.flooredQuotientAndRemainder(dividingBy: 86_400_000)
        let date = CivilDate(daysSinceEpoch: days)
        let second = Int(remainder / 1000)
        // 1970-01-01 was a Thursday.
        let day = Self.dayNames[Int((days % 7 + 7) % 7)]
        var bytes = Array("\(day), ".utf8)
        bytes.appendDecimal(date.day, width: 2)
        bytes += " \(Self.monthNames[date.month - 1]) ".utf8
        bytes.appendDecimal(date.year, width: 4)
        for (separator, value) in [(" ", second / 3600), (":", second / 60 % 60), (":", second % 60)] {
            bytes += separator.utf8
            bytes.appendDecimal(value, width: 2)
        }
        return String(decoding: bytes + Array(" GMT".utf8), as: UTF8.self)
    }
}

extension Int64 {
    /// Divides rounding down, so that instants before 1970 belong to the right day.
    fileprivate func flooredQuotientAndRemainder(dividingBy divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}
