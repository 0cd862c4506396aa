/// Splits bytes into lines incrementally.
///
/// A line ends with LF or CRLF, the last one also with the input. An overlong line is dropped as it arrives, and reported by its number.
package struct LineSplitter: Sendable {
    /// One line of the input, without its end.
    package struct Line: Sendable, Hashable {
        /// Counting from 1.
        package var number: Int
        /// Nil for an overlong line.
        package var bytes: [UInt8]?

        package init(number: Int, bytes: [UInt8]? = nil) {
            (self.number, self.bytes) = (number, bytes)
        }
    }

    private let maximumBytes: Int
    private var number = 1
    private var pending: [UInt8] = []
    private var isTooLong = false

    /// - Parameter maximumBytes: maximum length of a line, without its end.
    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Consumes bytes and returns the completed lines. Blank lines are counted and skipped.
    package mutating func take(_ bytes: some Collection<UInt8>) -> [Line] {
        var lines: [Line] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            append(rest[..<end])
            if let line = complete() { lines.append(line) }
            rest = rest[rest.index(after: end)...]
        }
        append(rest)
        return lines
    }

    /// Ends the input. Returns the last line if it has no line end.
    package mutating func finish() -> Line? { complete() }

    private mutating func append(_ bytes: some Collection<UInt8>) {
        guard !isTooLong else { return }
        // One more byte, for the CR of the line's end.
        guard pending.count + bytes.count <= maximumBytes + 1 else {
            isTooLong = true
            pending = []
            return
        }
        pending.append(contentsOf: bytes)
    }

    private mutating func complete() -> Line? {
        defer {
            number += 1
            pending = []
            isTooLong = false
        }
        guard !isTooLong else { return Line(number: number, bytes: nil) }
        if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        guard pending.count <= maximumBytes else { return Line(number: number, bytes: nil) }
        let isBlank = pending.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        return isBlank ? nil : Line(number: number, bytes: pending)
    }
}
