/// Parses server-sent events incrementally (WHATWG HTML §9.2.6). A pure value.
struct EventStreamReader: Sendable {
    /// One block, which an empty line ends.
    struct Block: Sendable, Equatable {
        var id: String?
        var event: String?
        var data: String?
        var retry: String?

        /// Whether it has no fields of an event stream.
        var isEmpty: Bool { self == Block() }
    }

    /// Maximum length of a line; above the largest payload with its envelope.
    private static let maximumLineBytes = 1024 * 1024
    private var line: [UInt8] = []
    private var block = Block()

    /// Consumes bytes and returns the completed blocks. Truncates overlong lines.
    mutating func take(_ bytes: [UInt8]) -> [Block] {
        var blocks: [Block] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                if line.count < Self.maximumLineBytes { line.append(byte) }
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty {
                if !block.isEmpty { blocks.append(block) }
                block = Block()
            } else {
                read(String(decoding: line, as: UTF8.self))
            }
            line.removeAll(keepingCapacity: true)
        }
        return blocks
    }

    private mutating func read(_ line: String) {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let value = parts.count == 2 ? String(parts[1].first == " " ? parts[1].dropFirst() : parts[1]) : ""
        switch parts[0] {
        case "id": block.id = value
        case "event": block.event = value
        case "data": block.data = block.data.map { "\($0)\n\(value)" } ?? value
        case "retry": block.retry = value
        default: return
        }
    }
}
