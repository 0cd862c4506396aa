/// Compares JSON texts by content, independent of formatting (contract §10).
///
/// White space, member order and string escapes are ignored. Number formats are not: `1`, `1.0` and `1e0` differ, because many readers treat
/// them differently.
package enum JSONContent {
    /// Returns whether two texts have the same content.
    ///
    /// - Parameters:
    ///   - one, other: JSON accepted by ``JSONScanner``.
    package static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one == other || canonical(one) == canonical(other)
    }

    /// Returns the canonical form: no white space, members sorted by the bytes of their names, minimal escapes, numbers unchanged. Not RFC 8785,
    /// which rewrites numbers.
    ///
    /// - Parameter bytes: JSON accepted by ``JSONScanner``; anything else is returned unchanged.
    package static func canonical(_ bytes: [UInt8]) -> [UInt8] {
        do throws(JSONSyntaxError) {
            return try JSONScanner.scan(bytes) { scanner throws(JSONSyntaxError) in
                var out: [UInt8] = []
                out.reserveCapacity(bytes.count)
                scanner.skipWhitespace()
                try append(&scanner, to: &out)
                return out
            }
        } catch {
            return bytes
        }
    }

    /// Recursion is bounded by ``JSONScanner/maximumDepth``, which the text has passed.
    private static func append(_ scanner: inout JSONScanner, to out: inout [UInt8]) throws(JSONSyntaxError) {
        switch try scanner.peek() {
        case UInt8(ascii: "{"): try appendObject(&scanner, to: &out)
        case UInt8(ascii: "["): try appendArray(&scanner, to: &out)
        case UInt8(ascii: "\""):
            let start = scanner.position + 1
            try scanner.scanValue(depth: 0)
            appendString(unescaped(start..<scanner.position - 1, in: scanner), to: &out)
        default:
            let start = scanner.position
            try scanner.scanValue(depth: 0)
            out.append(contentsOf: UnsafeBufferPointer(start: scanner.base + start, count: scanner.position - start))
        }
    }

    private static func appendObject(_ scanner: inout JSONScanner, to out: inout [UInt8]) throws(JSONSyntaxError) {
        var members: [(name: [UInt8], value: [UInt8])] = []
        try scanner.openObject()
        while let name = try scanner.nextMember(isFirst: members.isEmpty) {
            var value: [UInt8] = []
            let unescaped = unescaped(name, in: scanner)
            try append(&scanner, to: &value)
            members.append((unescaped, value))
        }
        members.sort { $0.name.lexicographicallyPrecedes($1.name) }
        out.append(UInt8(ascii: "{"))
        for (index, member) in members.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            appendString(member.name, to: &out)
            out.append(UInt8(ascii: ":"))
            out.append(contentsOf: member.value)
        }
        out.append(UInt8(ascii: "}"))
    }

    private static func appendArray(_ scanner: inout JSONScanner, to out: inout [UInt8]) throws(JSONSyntaxError) {
        var isFirst = true
        try scanner.openArray()
        out.append(UInt8(ascii: "["))
        while try scanner.nextElement(isFirst: isFirst) {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            try append(&scanner, to: &out)
            isFirst = false
        }
        out.append(UInt8(ascii: "]"))
    }

    private static func unescaped(_ range: Range<Int>, in scanner: JSONScanner) -> [UInt8] {
        JSONString.unescape(UnsafeBufferPointer(start: scanner.base + range.lowerBound, count: range.count))
    }

    private static func appendString(_ text: [UInt8], to out: inout [UInt8]) {
        JSONString.append(String(decoding: text, as: UTF8.self), to: &out)
    }
}
