import Glibc

/// The headers of a message as they are on the wire: `NATS/1.0`, perhaps with a status, then a `name: value` a line, then an empty line.
///
/// It is a view; the bytes are the caller's. nats.c's own parser is not used, because it takes the line behind a header without a value for
/// its value: an empty `traceparent` would hide the `ce-userid` behind it, and show one user's event to all.
///
/// A line without a colon is passed over, and so is one that begins with white space (the folding of old mail headers, which NATS does not have).
struct HeaderBlock {
    private static let versionLength = 8

    /// The bytes, from the `N` on; empty if the message has no headers.
    private let bytes: UnsafeRawBufferPointer

    /// A view of a block; of none, if the bytes are not one.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes.starts(with: "NATS/1.0".utf8) ? bytes : UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The code in the first line, which only the server writes.
    var status: Int? {
        let code = firstLine.prefix { $0 > 0x20 }
        guard code.count == 3 else { return nil }
        return Int(String(decoding: code, as: UTF8.self))
    }

    /// What stands behind the code in the first line; nil if nothing does.
    var statusDescription: String? {
        let text = firstLine.drop { $0 > 0x20 }.trimmed
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// The first value of a name, in whatever case that is written; nil if it does not occur.
    func first(_ name: String) -> String? {
        var found: String?
        forEachValue(of: name) { value in
            found = String(decoding: value, as: UTF8.self)
            return false
        }
        return found
    }

    /// The value of a name, in whatever case that is written; nil if it does not occur.
    ///
    /// - Throws: `.invalidHeader` when it occurs with different values, or is not UTF-8.
    func only(_ name: String) throws(NATSError) -> String? {
        var found: Slice<UnsafeRawBufferPointer>?
        var isAmbiguous = false
        forEachValue(of: name) { value in
            if let found { isAmbiguous = !found.elementsEqual(value) } else { found = value }
            return !isAmbiguous
        }
        guard !isAmbiguous else { throw HeaderName.ambiguity(name) }
        guard let found else { return nil }
        guard let text = String(validating: found, as: UTF8.self) else { throw HeaderName.invalidText(name) }
        return text
    }

    /// All fields, in the order in which they stand. Bytes that are not UTF-8 are replaced.
    var headers: NATSHeaders {
        var headers = NATSHeaders()
        forEachField { name, value in
            headers.append(received: name, value)
            return true
        }
        return headers
    }

    /// Calls `body` with the name and the value of each field, in the order in which they stand.
    func forEach<Failure: Error>(
        _ body: (Slice<UnsafeRawBufferPointer>, Slice<UnsafeRawBufferPointer>) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        forEachField { name, value in
            do throws(Failure) {
                try body(name, value)
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    /// What stands behind `NATS/1.0` in the first line.
    private var firstLine: Slice<UnsafeRawBufferPointer> {
        bytes.dropFirst(Self.versionLength).prefix { $0 != 0x0A }.trimmed
    }

    /// Calls `body` with the values of a name, until it returns false.
    private func forEachValue(of name: String, _ body: (Slice<UnsafeRawBufferPointer>) -> Bool) {
        var name = name
        name.withUTF8 { name in
            forEachField { field, value in HeaderName.isSame(field, name) ? body(value) : true }
        }
    }

    /// Calls `body` with the name and value of each field, until it returns false.
    private func forEachField(_ body: (Slice<UnsafeRawBufferPointer>, Slice<UnsafeRawBufferPointer>) -> Bool) {
        guard let base = bytes.baseAddress else { return }
        var lineStart = 0
        var isFirst = true
        while lineStart < bytes.count {
            let lineEnd = memchr(base + lineStart, 0x0A, bytes.count - lineStart).map { $0 - base } ?? bytes.count
            defer {
                lineStart = lineEnd + 1
                isFirst = false
            }
            guard !isFirst, bytes[lineStart] > 0x20 else { continue }
            guard let colon = memchr(base + lineStart, 0x3A, lineEnd - lineStart).map({ $0 - base }) else { continue }
            guard body(bytes[lineStart..<colon], bytes[(colon + 1)..<lineEnd].trimmed) else { return }
        }
    }
}

extension Slice<UnsafeRawBufferPointer> {
    /// Without white space at the ends, the carriage return of a line's end included.
    fileprivate var trimmed: Slice<UnsafeRawBufferPointer> {
        var start = startIndex
        var end = endIndex
        while start < end, base[start] <= 0x20 { start += 1 }
        while end > start, base[end - 1] <= 0x20 { end -= 1 }
        return base[start..<end]
    }
}

extension UnsafeMutableRawPointer {
    /// The distance from another place in the same memory.
    fileprivate static func - (end: UnsafeMutableRawPointer, start: UnsafeRawPointer) -> Int {
        UnsafeRawPointer(end) - start
    }
}
