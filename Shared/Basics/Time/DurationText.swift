/// Parses and formats durations: `500ms`, `30s`, `2m`, `1h`, `7d`; a bare number is in seconds.
///
/// Decimals are allowed (`1.5s`) and exact down to a nanosecond; signs, exponents and sums (`1h30m`) are not.
public enum DurationText {
    /// Nanoseconds in each unit, the longest first.
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000),
        ("us", 1_000), ("ns", 1),
    ]

    /// Parses a duration; nil if malformed or above 292 years.
    public static func parse(_ text: some StringProtocol) -> Duration? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        let name = unit.isEmpty ? "s" : unit.lowercased()
        guard let size = units.first(where: { $0.name == name })?.nanoseconds else { return nil }
        return DecimalText.scaled(digits, by: size).map { .nanoseconds($0) }
    }

    /// Returns the shortest text that ``parse(_:)`` reads as the same duration, to the nanosecond. Negative durations are `0s`.
    public static func show(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard duration > .zero, !nanoseconds.overflow else { return duration > .zero ? "\(seconds)s" : "0s" }
        let total = nanoseconds.partialValue + attoseconds / 1_000_000_000
        for unit in units where total >= unit.nanoseconds && total % unit.nanoseconds == 0 {
            return "\(total / unit.nanoseconds)\(unit.name)"
        }
        return "0s"
    }
}
