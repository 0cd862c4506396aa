package import HTTPTypes

/// Parser for the head of a `GET` request in a strict subset of RFC 9112.
///
/// Its result for a head in the subset equals that of the NIO front's parser. Any other head is left to that parser, which also reports
/// the errors. A pure value: bytes in, a request out.
package struct PlainHead: Sendable {
    /// Maximum length of a head, in bytes. A longer one is left to the front.
    package static let maximumBytes = 16 * 1024
    /// Maximum number of header fields.
    private static let maximumFields = 64

    /// The request as the NIO front would present it: `Host` is the authority, not a field.
    package let request: HTTPRequest
    /// Length of the head in bytes, including the empty line. Bytes after it belong to the connection's next protocol.
    package let length: Int

    /// Parses a head; nil unless the bytes begin with a complete head in the subset.
    ///
    /// Not in the subset: methods other than `GET`, versions other than HTTP/1.1, targets that are not an absolute path, a missing or
    /// repeated `Host`, a body (`Content-Length`, `Transfer-Encoding`), `Expect`, folded lines, bytes other than visible ASCII and spaces.
    package init?(_ bytes: UnsafeRawBufferPointer) {
        var lines = Lines(bytes)
        guard let requestLine = lines.next(), let target = Self.target(requestLine) else { return nil }
        var authority: String?
        var fields = HTTPFields()
        var count = 0
        while let line = lines.next() {
            if line.isEmpty {
                guard let authority else { return nil }
                request = HTTPRequest(method: .get, scheme: "http", authority: authority, path: target, headerFields: fields)
                length = lines.position
                return
            }
            count += 1
            guard count <= Self.maximumFields, let (name, value) = Self.field(line) else { return nil }
            switch name.canonicalName {
            case "host":
                guard authority == nil, !value.isEmpty else { return nil }
                authority = value
            case "content-length", "transfer-encoding", "expect", "trailer", "te":
                return nil
            default:
                fields.append(HTTPField(name: name, value: value))
            }
        }
        return nil
    }

    /// Splits bytes into lines that end with CR LF, up to ``maximumBytes``.
    private struct Lines {
        private let bytes: UnsafeRawBufferPointer
        /// The offset after the last line.
        private(set) var position = 0

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(PlainHead.maximumBytes))
        }

        /// Returns the next line without its CR LF; nil if it is incomplete, or contains another CR or LF.
        mutating func next() -> UnsafeRawBufferPointer? {
            var end = position
            while end < bytes.count, bytes[end] != 0x0D, bytes[end] != 0x0A { end += 1 }
            guard end + 1 < bytes.count, bytes[end] == 0x0D, bytes[end + 1] == 0x0A else { return nil }
            defer { position = end + 2 }
            return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
        }
    }

    /// Parses `GET <target> HTTP/1.1`, with single spaces, and returns the target.
    private static func target(_ line: UnsafeRawBufferPointer) -> String? {
        let method = "GET ".utf8
        let version = " HTTP/1.1".utf8
        guard line.count > method.count + version.count, line.prefix(method.count).elementsEqual(method),
            line.suffix(version.count).elementsEqual(version)
        else { return nil }
        let target = line[method.count..<line.count - version.count]
        guard target.first == UInt8(ascii: "/"), target.allSatisfy(isTargetCharacter) else { return nil }
        return String(decoding: target, as: UTF8.self)
    }

    private static func field(_ line: UnsafeRawBufferPointer) -> (HTTPField.Name, String)? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return nil }
        var value = line[(colon + 1)...]
        while value.first == UInt8(ascii: " ") { value = value.dropFirst() }
        while value.last == UInt8(ascii: " ") { value = value.dropLast() }
        guard value.allSatisfy({ (0x20...0x7E).contains($0) }) else { return nil }
        // Returns nil for a name that is not a token (RFC 9110 §5.1).
        guard let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self)) else { return nil }
        return (name, String(decoding: value, as: UTF8.self))
    }

    /// Whether a path or query may contain the character (RFC 3986).
    private static func isTargetCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~%!$&'()*+,;=:@/?".utf8.contains(byte)
        }
    }
}
