/// Strings in JSON text (RFC 8259 §7).
public enum JSONString {
    /// Appends `text` as a quoted JSON string with the escapes of RFC 8785 §3.2.2.2: the two-character forms, `\u00` and two lower-case digits for
    /// the other control characters below U+0020, and no others.
    public static func append(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): out.append("\\\"")
            case UInt8(ascii: "\\"): out.append("\\\\")
            case 0x08: out.append("\\b")
            case 0x09: out.append("\\t")
            case 0x0A: out.append("\\n")
            case 0x0C: out.append("\\f")
            case 0x0D: out.append("\\r")
            case 0..<0x20:
                out.append("\\u00")
                out.append(contentsOf: Hexadecimal.lowercase([byte]).utf8)
            default: out.append(byte)
            }
        }
        out.append(UInt8(ascii: "\""))
    }

    /// The text of the inside of a string that ``JSONScanner`` accepted.
    package static func text(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        guard bytes.contains(UInt8(ascii: "\\")) else { return String(decoding: bytes, as: UTF8.self) }
        return String(decoding: unescape(bytes), as: UTF8.self)
    }

    /// The text of a JSON value that ``JSONScanner`` accepted; nil when it is no string.
    package static func text(of json: ArraySlice<UInt8>) -> String? {
        guard json.first == UInt8(ascii: "\"") else { return nil }
        return json.dropFirst().dropLast().withUnsafeBufferPointer { text($0) }
    }

    /// Unescapes the inside of a string that ``JSONScanner`` accepted, as UTF-8.
    package static func unescape(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(bytes.underestimatedCount)
        var iterator = bytes.makeIterator()
        func codeUnit() -> UInt32 {
            var value: UInt32 = 0
            for _ in 0..<4 {
                value = value << 4 | UInt32(iterator.next().flatMap(Hexadecimal.value(of:)) ?? 0)
            }
            return value
        }
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "\\"), let escape = iterator.next() else {
                out.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"):
                var value = codeUnit()
                if value & 0xFC00 == 0xD800 {
                    // The scanner has verified that "\u" and the low surrogate follow.
                    _ = iterator.next()
                    _ = iterator.next()
                    value = 0x10000 + (value & 0x3FF) << 10 + codeUnit() & 0x3FF
                }
                if let scalar = Unicode.Scalar(value) { out.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter) }
            default: out.append(escape)
            }
        }
        return out
    }
}
