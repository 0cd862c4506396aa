package import HTTPTypes

/// The head of a `GET` in the one form that can be read without an HTTP parser. A strict subset of RFC 9112: whatever this type reads, the parser of
/// the NIO front reads alike; whatever it does not read is left to that parser, which also finds the errors.
///
/// A pure value: bytes in, a request out.
package struct PlainHead: Sendable {
    /// The longest head, in bytes. A longer one is left to the front.
    package static let maximumBytes = 16 * 1024
    /// The most header fields.
    private static let maximumFields = 64

    /// The request, as the NIO front would present it: `Host` is the authority, and no field.
    package let request: HTTPRequest
    /// Bytes of the head, the empty line included. What follows belongs to the connection's next protocol.
    package let length: Int

    /// Reads a head; nil for bytes that are not a whole head in this form.
    ///
    /// Not read: other methods than `GET`, other versions than HTTP/1.1, targets that are not an absolute path, not exactly one `Host`, a body
    /// (`Content-Length`, `Transfer-Encoding`), `Expect`, folded lines, bytes outside of visible ASCII and spaces.
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

    /// Lines that end in CR LF, within ``maximumBytes``.
    private struct Lines {
        private let bytes: UnsafeRawBufferPointer
        /// Behind the last line.
        private(set) var position = 0

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = UnsafeRawBufferPointer(rebasing: bytes.prefix(PlainHead.maximumBytes))
        }

        /// The next line, without its end; nil when it has not come to its end, or has a CR or LF elsewhere.
        mutating func next() -> UnsafeRawBufferPointer? {
            var end = position
            while end < bytes.count, bytes[end] != 0x0D, bytes[end] != 0x0A { end += 1 }
            guard end + 1 < bytes.count, bytes[end] == 0x0D, bytes[end + 1] == 0x0A else { return nil }
            defer { position = end + 2 }
            return UnsafeRawBufferPointer(rebasing: bytes[position..<end])
        }
    }

    /// The target of `GET <target> HTTP/1.1`, with one space at each place.
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
        // Refuses what is no token (RFC 9110 §5.1).
        guard let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self)) else { return nil }
        return (name, String(decoding: value, as: UTF8.self))
    }

    /// The characters of RFC 3986 that a path and a query can have.
    private static func isTargetCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "-._~%!$&'()*+,;=:@/?".utf8.contains(byte)
        }
    }
}
