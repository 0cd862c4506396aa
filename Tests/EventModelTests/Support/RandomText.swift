/// Random JSON and random text from a given generator.
enum RandomText {
    /// Any text of up to `maximumScalars` Unicode scalars, with many that are special somewhere.
    static func unicode(maximumScalars: Int, using generator: inout some RandomNumberGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...maximumScalars, using: &generator) {
            let pool: ClosedRange<UInt32> =
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: 0x00...0x1F
                case 1: 0x80...0x9F
                case 2: 0x300...0x36F
                case 3: 0x1F300...0x1F64F
                case 4: 0x00...0x10FFFF
                default: 0x20...0x7E
                }
            if let scalar = Unicode.Scalar(UInt32.random(in: pool, using: &generator)) { text.unicodeScalars.append(scalar) }
        }
        return text
    }

    /// A valid JSON object with whitespace in all places, escapes, and every kind of value.
    static func object(depth: Int, using generator: inout some RandomNumberGenerator) -> String {
        let members = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
            space(&generator) + string(&generator) + space(&generator) + ":" + space(&generator)
                + value(depth: depth, using: &generator) + space(&generator)
        }
        return "{" + (members.isEmpty ? space(&generator) : members.joined(separator: ",")) + "}"
    }

    private static func value(depth: Int, using generator: inout some RandomNumberGenerator) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
        case 0: return "true"
        case 1: return "false"
        case 2: return "null"
        case 3: return number(&generator)
        case 4, 5: return string(&generator)
        case 6:
            let elements = (0..<Int.random(in: 0...3, using: &generator)).map { _ in value(depth: depth - 1, using: &generator) }
            return "[" + elements.joined(separator: space(&generator) + ",") + space(&generator) + "]"
        default: return object(depth: depth - 1, using: &generator)
        }
    }

    private static func number(_ generator: inout some RandomNumberGenerator) -> String {
        let samples = ["0", "-0", "7", "-12", "3.25", "-0.5e-3", "1E+2", "120e1", "9007199254740993", "0.1"]
        return samples[Int.random(in: samples.indices, using: &generator)]
    }

    private static func string(_ generator: inout some RandomNumberGenerator) -> String {
        let pieces = [
            "a", "incidentId", "type", "timestamp", "é", "日本", "🚦", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u00e9", "\\ud83d\\udea6",
            "\\u0000",
            " ", "0123456789abcdef", ":", ",", "{", "]", "\u{2028}", "\u{7F}",
        ]
        let parts = (0..<Int.random(in: 0...4, using: &generator)).map { _ in pieces[Int.random(in: pieces.indices, using: &generator)] }
        return "\"" + parts.joined() + "\""
    }

    private static func space(_ generator: inout some RandomNumberGenerator) -> String {
        let samples = ["", "", "", "", " ", "\n", "\r\n", "\t "]
        return samples[Int.random(in: samples.indices, using: &generator)]
    }
}
