/// Formats numbers for people.
enum Figure {
    /// Rounds to that many digits after the point, with commas between thousands.
    static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "?" }
        let scale = (0..<digits).reduce(1) { product, _ in product * 10 }
        let scaled = Int((abs(value) * Double(scale)).rounded())
        var whole = ""
        for (index, digit) in String(scaled / scale).reversed().enumerated() {
            if index > 0, index % 3 == 0 { whole = "," + whole }
            whole = String(digit) + whole
        }
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + whole }
        let fraction = String(scaled % scale)
        return sign + whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    /// Returns the median; nil without values.
    static func median(_ values: [Double]) -> Double? {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }

    /// Returns the median and, if there are several values, the minimum and the maximum; nil without values.
    static func spread(_ values: [Double]) -> String? {
        guard let middle = median(values), let least = values.min(), let greatest = values.max() else { return nil }
        let text = text(middle, digits: 2)
        return values.count == 1 ? text : "\(text) (\(self.text(least, digits: 2))–\(self.text(greatest, digits: 2)))"
    }
}
