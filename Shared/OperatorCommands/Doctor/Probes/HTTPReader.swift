import HTTPTypes

/// Parses an HTTP/1.1 response incrementally: its head, then its body in any framing (RFC 9112 §6). A pure value.
struct HTTPReader: Sendable {
    /// The bytes are not an HTTP response.
    struct NotHTTP: Error {}

    private enum Framing: Sendable {
        case untilClose
        case length(Int)
        case chunked(ChunkReader)
    }

    private static let maximumHeadBytes = 64 * 1024

    private(set) var status = 0
    private(set) var fields: HTTPFields = [:]
    private(set) var hasHead = false
    private var pending: [UInt8] = []
    private var framing = Framing.untilClose

    /// Consumes bytes and returns the part of the body in them.
    mutating func take(_ bytes: [UInt8]) throws(NotHTTP) -> [UInt8] {
        guard !hasHead else { return try body(bytes) }
        pending += bytes
        guard let end = pending.firstRange(of: Array("\r\n\r\n".utf8)) else {
            guard pending.count <= Self.maximumHeadBytes else { throw NotHTTP() }
            return []
        }
        try readHead(String(decoding: pending[..<end.lowerBound], as: UTF8.self))
        let rest = Array(pending[end.upperBound...])
        pending = []
        // Skips interim responses (1xx); 101 is final.
        if (100..<200).contains(status), status != 101 {
            (status, fields) = (0, [:])
            return rest.isEmpty ? [] : try take(rest)
        }
        hasHead = true
        return rest.isEmpty ? [] : try body(rest)
    }

    /// Whether the response is complete.
    var isComplete: Bool {
        guard hasHead else { return false }
        return switch framing {
        case .untilClose: false
        case .length(let left): left == 0
        case .chunked(let reader): reader.isComplete
        }
    }

    private mutating func readHead(_ head: String) throws(NotHTTP) {
        var lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        let start = lines.removeFirst().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard start.count > 1, start[0].hasPrefix("HTTP/1."), let code = Int(start[1]), (100...599).contains(code) else { throw NotHTTP() }
        status = code
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = HTTPField.Name(String(parts[0])) else { throw NotHTTP() }
            fields.append(HTTPField(name: name, value: String(parts[1].drop { $0 == " " || $0 == "\t" })))
        }
        if fields[.transferEncoding]?.lowercased().contains("chunked") == true {
            framing = .chunked(ChunkReader())
        } else if status == 101 {
            framing = .untilClose
        } else if status == 204 || status == 304 {
            framing = .length(0)
        } else if let text = fields[.contentLength], let length = Int(text), length >= 0 {
            framing = .length(length)
        }
    }

    private mutating func body(_ bytes: [UInt8]) throws(NotHTTP) -> [UInt8] {
        switch framing {
        case .untilClose: return bytes
        case .length(let left):
            let part = bytes.prefix(left)
            framing = .length(left - part.count)
            return Array(part)
        case .chunked(var reader):
            guard let part = reader.take(bytes) else { throw NotHTTP() }
            framing = .chunked(reader)
            return part
        }
    }
}

/// Decodes the chunked coding (RFC 9112 §7.1).
private struct ChunkReader: Sendable {
    private enum Place: Sendable {
        case size
        case data(left: Int)
        /// The line end after the data.
        case behind
        case trailer
        case end
    }

    private static let maximumLineBytes = 8 * 1024
    private var place = Place.size
    private var line: [UInt8] = []

    var isComplete: Bool {
        if case .end = place { true } else { false }
    }

    /// Returns the data in `bytes`; nil when malformed.
    mutating func take(_ bytes: [UInt8]) -> [UInt8]? {
        var data: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            switch place {
            case .end: return data
            case .data(let left):
                let part = rest.prefix(left)
                data += part
                rest = rest.dropFirst(part.count)
                place = part.count == left ? .behind : .data(left: left - part.count)
            case .size, .behind, .trailer:
                let byte = rest.removeFirst()
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    guard line.count <= Self.maximumLineBytes else { return nil }
                    continue
                }
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                guard advance(past: line) else { return nil }
                line = []
            }
        }
        return data
    }

    private mutating func advance(past line: [UInt8]) -> Bool {
        switch place {
        case .behind:
            place = .size
            return line.isEmpty
        case .trailer:
            if line.isEmpty { place = .end }
            return true
        case .size, .data, .end:
            let digits = String(decoding: line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }, as: UTF8.self)
            guard let size = Int(digits, radix: 16), size >= 0 else { return false }
            place = size == 0 ? .trailer : .data(left: size)
            return true
        }
    }
}
