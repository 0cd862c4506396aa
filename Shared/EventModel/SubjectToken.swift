public import Basics

/// Encodes any text as one token of a NATS subject, and decodes it.
///
/// `A`–`Z`, `a`–`z`, `0`–`9`, `_` and `-` stand for themselves; every other byte of the UTF-8 is `=` and two upper-case hexadecimal
/// digits; the empty text, since a token must not be empty, is `=` alone. So different texts have different tokens and a token has one
/// text; none contains a dot, a wildcard or a space.
public enum SubjectToken {
    /// The longest token that ``decode(_:)`` accepts, in bytes: three times the longest encoded text.
    public static let maximumBytes = 3 * IdentifierKinds.Tenant.maximumBytes

    /// Encodes an identifier; at most ``maximumBytes`` long.
    public static func encode<Kind>(_ identifier: Identifier<Kind>) -> String { encode(identifier.text) }

    /// Encodes `text`; at most three times as long as its UTF-8. The caller bounds the text.
    public static func encode(_ text: String) -> String {
        guard !text.isEmpty else { return "=" }
        return PercentEncoding.encode(text, mark: "=", isPlain: isPlain)
    }

    /// Decodes a token; nil when ``encode(_:)`` returns it for no text.
    public static func decode(_ token: some StringProtocol) -> String? {
        let token = String(token)
        let bytes = token.utf8
        guard bytes.count <= maximumBytes, !bytes.isEmpty else { return nil }
        guard !bytes.elementsEqual("=".utf8) else { return "" }
        guard !bytes.allSatisfy(isPlain) else { return token }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var iterator = bytes.makeIterator()
        while let byte = iterator.next() {
            if isPlain(byte) {
                text.append(byte)
                continue
            }
            guard byte == UInt8(ascii: "="), let high = iterator.next(), let low = iterator.next(),
                let upper = upperCaseDigit(high), let lower = upperCaseDigit(low), !isPlain(upper << 4 | lower)
            else { return nil }
            text.append(upper << 4 | lower)
        }
        return String(validating: text, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func upperCaseDigit(_ byte: UInt8) -> UInt8? {
        byte >= UInt8(ascii: "a") ? nil : Hexadecimal.value(of: byte)
    }
}
