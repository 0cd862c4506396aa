/// Parses decimal numbers with a unit, exactly.
package enum DecimalText {
    private static let maximumFractionDigits = 9

    /// Returns `digits` (`2`, `0.25`) times `unit`; nil if malformed, if the product is not whole, or on overflow of 64 bits.
    ///
    /// Whole-number arithmetic throughout: `0.1` of a second is exactly 100 ms.
    package static func scaled(_ digits: some StringProtocol, by unit: Int64) -> Int64? {
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        // The whole part alone must fit in 64 bits, so that nothing below leaves 128.
        guard let whole = parts.first.flatMap({ Int64($0) }), let scaled = Int64(exactly: Int128(whole) * Int128(unit)) else { return nil }
        guard parts.count == 2 else { return scaled }
        guard parts[1].utf8.count <= maximumFractionDigits, let fraction = Int64(parts[1]) else { return nil }
        let denominator = parts[1].utf8.reduce(Int128(1)) { power, _ in power * 10 }
        let product = Int128(scaled) * denominator + Int128(fraction) * Int128(unit)
        guard product % denominator == 0 else { return nil }
        return Int64(exactly: product / denominator)
    }
}
