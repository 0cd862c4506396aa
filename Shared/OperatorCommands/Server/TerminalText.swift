import Basics

/// Text from other people, for a terminal.
enum TerminalText {
    /// Returns `text` with control and bidirectional formatting characters escaped as in JSON (`\u001b`), so that a title cannot forge another line. JSON
    /// text keeps its meaning.
    static func safe(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isActive) else { return text }
        var shown = ""
        for scalar in text.unicodeScalars {
            guard isActive(scalar) else {
                shown.unicodeScalars.append(scalar)
                continue
            }
            var digits = Array("\\u".utf8)
            for byte in [UInt8(scalar.value >> 8), UInt8(scalar.value & 0xFF)] { Hexadecimal.append(byte, to: &digits) }
            shown += String(decoding: digits, as: UTF8.self)
        }
        return shown
    }

    /// Control characters, line and paragraph separators, and controls of the writing direction (UAX #9 §2); all are below U+10000.
    private static func isActive(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
