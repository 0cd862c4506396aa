import Glibc

/// Parses the headers of a message in wire format: `NATS/1.0`, an optional status, one `name: value` per line, an empty line.
///
/// A view; the caller owns the bytes. nats.c's own parser is not used: for a header without a value it returns the next line as the
/// value. An empty `traceparent` would hide the `ce-userid` after it, and show one user's event to all users.
///
/// Lines without a colon, and lines that begin with white space (folding, which NATS does not have), are skipped.
struct HeaderBlock {
    private static let versionLength = 8

    /// The bytes from the `N` on; empty if the message has no headers.
    private let bytes: UnsafeRawBufferPointer

    /// Creates a view of a header block; an empty view if the bytes are not one.
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes.starts(with: "NATS/1.0".utf8) ? bytes : UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// The status code in the first line, which only the server writes.
    var status: Int? {
        let code = firstLine.prefix { $0 > 0x20 }
        guard code.count == 3 else { return nil }
        return Int(String(decoding: code, as: UTF8.self))
    }

    /// The text after the status code; nil if absent.
    var statusDescription: String? {
        let text = firstLine.drop { $0 > 0x20 }.trimmed
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }

    /// Returns the first value of a header; nil if absent. Names are case-insensitive.
    func first(_ name: String) -> String? {
        var found: String?
        forEachValue(of: name) { value in
            found = String(decoding: value, as: UTF8.self)
            return false
        }
        return found
    }

    /// Returns the only value of a header; nil if absent. Names are case-insensitive.
    ///
    /// - Throws: `.invalidHeader` when values differ or are not UTF-8.
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

    /// All fields in wire order. Invalid UTF-8 is replaced.
    var headers: NATSHeaders {
        var headers = NATSHeaders()
        forEachField { name, value in
            headers.append(received: name, value)
            return true
        }
        return headers
    }

    /// Calls `body` with each field's name and value, in wire order.
    func forEach<Failure: Error>(
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var failure: Failure?
        forEachField { name, value in
            do throws(Failure) {
                try body(UnsafeRawBufferPointer(rebasing: name), UnsafeRawBufferPointer(rebasing: value))
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
    }

    /// The first line after `NATS/1.0`.
    private var firstLine: Slice<UnsafeRawBufferPointer> {
        bytes.dropFirst(Self.versionLength).prefix { $0 != 0x0A }.trimmed
    }

    /// Calls `body` with each value of a header until it returns false.
    private func forEachValue(of name: String, _ body: (Slice<UnsafeRawBufferPointer>) -> Bool) {
        var name = name
        name.withUTF8 { name in
            forEachField { field, value in HeaderName.isSame(field, name) ? body(value) : true }
        }
    }

    /// Calls `body` with each field's name and value until it returns false.
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
    /// The bytes without white space at both ends; a carriage return counts as white space.
    fileprivate var trimmed: Slice<UnsafeRawBufferPointer> {
        var start = startIndex
        var end = endIndex
        while start < end, base[start] <= 0x20 { start += 1 }
        while end > start, base[end - 1] <= 0x20 { end -= 1 }
        return base[start..<end]
    }
}

extension UnsafeMutableRawPointer {
    /// Returns the distance between two pointers into the same memory.
    fileprivate static func - (end: UnsafeMutableRawPointer, start: UnsafeRawPointer) -> Int {
        UnsafeRawPointer(end) - start
    }
}
