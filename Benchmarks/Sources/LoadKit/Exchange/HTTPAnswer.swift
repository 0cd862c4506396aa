/// The status and the body of an HTTP/1.1 response (RFC 9112).
struct HTTPAnswer: Equatable {
    /// Limit of the head or body, in bytes.
    static let maximumBytes = 64 * 1024
    private static let end = Array("\r\n\r\n".utf8)

    let status: Int
    let statusLine: String
    let body: [UInt8]

    /// Parses a response; nil when it is incomplete.
    ///
    /// Supports `Content-Length` only, which every REST answer of Causeway has.
    init?(_ bytes: [UInt8]) throws(LoadError) {
        guard let headEnd = Self.endOfHead(bytes) else {
            guard bytes.count <= Self.maximumBytes else {
                throw LoadError("An answer's head did not end within \(Self.maximumBytes) bytes.")
            }
            return nil
        }
        let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw LoadError("What answers at --edge does not speak HTTP/1.1.")
        }
        guard let length = Self.contentLength(lines.dropFirst()) else {
            throw LoadError("\"\(lines[0])\" came without a Content-Length of at most \(Self.maximumBytes) bytes.")
        }
        let bodyStart = headEnd + Self.end.count
        guard bytes.count >= bodyStart + length else { return nil }
        guard bytes.count == bodyStart + length else { throw LoadError("More came than was asked for, after \"\(lines[0])\".") }
        self.status = status
        statusLine = String(lines[0])
        body = Array(bytes[bodyStart...])
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= end.count else { return nil }
        return (0...bytes.count - end.count).first { bytes[$0] == end[0] && bytes[$0...].starts(with: end) }
    }

    private static func contentLength(_ fields: some Sequence<Substring>) -> Int? {
        for field in fields {
            let parts = field.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
            return parts[1].split(separator: " ").first.flatMap { Int($0) }.flatMap { (0...maximumBytes).contains($0) ? $0 : nil }
        }
        return nil
    }
}
