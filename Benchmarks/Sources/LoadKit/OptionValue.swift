/// Parses the values of options; errors name the accepted values.
enum OptionValue {
    /// Returns a whole number in `range`.
    static func whole(_ option: String, _ value: String, _ range: ClosedRange<Int>) throws(LoadError) -> Int {
        guard let number = Int(value), range.contains(number) else {
            throw LoadError("\(option) \(value): give a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// Returns a number in `range`.
    static func number(_ option: String, _ value: String, _ range: ClosedRange<Double>) throws(LoadError) -> Double {
        guard let number = Double(value), range.contains(number) else {
            throw LoadError("\(option) \(value): give numbers from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    /// Returns a name that needs no escaping in a token, a subject or JSON.
    static func plainName(_ option: String, _ value: String) throws(LoadError) -> String {
        let isPlain = value.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard isPlain, (1...100).contains(value.utf8.count) else {
            throw LoadError("\(option) \(value): give up to 100 letters, digits, _ and -.")
        }
        return value
    }
}
