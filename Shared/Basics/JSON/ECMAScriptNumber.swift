/// Writes binary64 values as ECMAScript does (ECMA-262, Number::toString with radix 10), which RFC 8785 §3.2.2.3 demands.
enum ECMAScriptNumber {
    /// Appends a finite value with the fewest digits that are read back as the same value; `-0` is `0`.
    ///
    /// Decimal notation from 1e-6 to below 1e21, else an exponent with its sign: `1e+21`, `1e-7`.
    static func append(_ value: Double, to out: inout [UInt8]) {
        guard value != 0 else { return out.append("0") }
        if value < 0 { out.append("-") }
        // Swift has the same digits: the fewest, and of these the nearest to the value. Only the notation differs.
        let (digits, point) = decimal(value.magnitude.description.utf8)
        switch point {
        case digits.count...21:
            out.append(contentsOf: digits)
            out.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: point - digits.count))
        case 1...21:
            out.append(contentsOf: digits[..<point])
            out.append(".")
            out.append(contentsOf: digits[point...])
        case -5...0:
            out.append("0.")
            out.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point))
            out.append(contentsOf: digits)
        default:
            out.append(digits[0])
            if digits.count > 1 {
                out.append(".")
                out.append(contentsOf: digits[1...])
            }
            out.append("e")
            out.append(point > 0 ? "+" : "-")
            out.appendDecimal(abs(point - 1))
        }
    }

    /// Splits a positive number's description (`1500.0`, `0.001`, `5e-324`, `1.5e+300`) into its digits without leading and trailing zeros, and
    /// the place of the decimal point: the value is 0.`digits` × 10^`point`.
    private static func decimal(_ description: String.UTF8View) -> (digits: [UInt8], point: Int) {
        let parts = description.split(separator: UInt8(ascii: "e"))
        let mantissa = parts[0].split(separator: UInt8(ascii: "."))
        var digits = Array(mantissa.joined())
        var point = mantissa[0].count
        if parts.count == 2 { point += Int(Substring(parts[1])) ?? 0 }
        let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(zeros)
        point -= zeros
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, point)
    }
}
