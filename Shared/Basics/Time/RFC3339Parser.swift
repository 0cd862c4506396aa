/// Reads one RFC 3339 §5.6 `date-time` from UTF-8, which it must not outlive.
struct RFC3339Parser {
    private let text: UnsafeBufferPointer<UInt8>
    private var position = 0

    init(_ text: UnsafeBufferPointer<UInt8>) {
        self.text = text
    }

    /// The instant in milliseconds since 1970, or nil when the whole text is not a valid `date-time`.
    mutating func parse() -> Int64? {
        guard let year = digits(4), take("-"), let month = digits(2), take("-"), let day = digits(2),
            take("T") || take("t"),
            let hour = digits(2), take(":"), let minute = digits(2), take(":"), let second = digits(2)
        else { return nil }
        var milliseconds = 0
        if take(".") {
            guard let fraction = fraction() else { return nil }
            milliseconds = fraction
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
            milliseconds = 0
        }
        return seconds * 1000 + Int64(milliseconds)
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

    /// Milliseconds from one or more digits; those after the third are dropped.
    private mutating func fraction() -> Int? {
        var value = 0
        var weight = 100
        var count = 0
        while let digit = digit() {
            value += digit * weight
            weight /= 10
            count += 1
        }
        return count > 0 ? value : nil
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
