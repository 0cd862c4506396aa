import Basics

/// Parses and formats byte sizes: `65536`, `256KiB`, `10GiB`, and decimal units `64kB`, `10GB`.
public enum ByteSizeText {
    /// The binary units, the largest first: what ``show(_:)`` uses.
    private static let binary: [(name: String, bytes: Int64)] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    private static let decimal: [(name: String, bytes: Int64)] = [
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1),
    ]

    /// Parses a size in bytes; nil if malformed. Case-insensitive.
    public static func parse(_ text: some StringProtocol) -> Int? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        let name = unit.isEmpty ? "b" : unit.lowercased()
        guard let size = (binary + decimal).first(where: { $0.name.lowercased() == name })?.bytes else { return nil }
        return DecimalText.scaled(digits, by: size).map(Int.init)
    }

    /// Returns the shortest text that ``parse(_:)`` reads as the same number.
    public static func show(_ bytes: Int) -> String {
        for unit in binary where bytes >= unit.bytes && Int64(bytes) % unit.bytes == 0 {
            return "\(Int64(bytes) / unit.bytes)\(unit.name)"
        }
        return String(bytes)
    }
}
