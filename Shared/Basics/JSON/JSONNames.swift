import Glibc

/// Detects duplicate members while a JSON text is scanned (RFC 8259 §4).
///
/// One array for all open objects, the innermost last: one allocation per text instead of one per object.
struct JSONNameStack {
    /// Offsets of names without quotes; an empty range below zero marks the start of an object.
    private var names: [Range<Int>] = []

    private static let mark = -1 ..< -1

    /// Begins an object with at least one member.
    mutating func open() { names.append(Self.mark) }

    /// Adds a member's name to the innermost object.
    mutating func add(_ name: Range<Int>) { names.append(name) }

    /// Ends the innermost object. Returns the offset of the first duplicate name.
    mutating func close(in base: UnsafePointer<UInt8>) -> Int? {
        let start = (names.lastIndex(of: Self.mark) ?? -1) + 1
        defer { names.removeSubrange(max(0, start - 1)...) }
        return JSONNames.repeated(names.count - start, in: base) { [names] in names[start + $0] }?.lowerBound
    }
}

/// Compares the names of an object's members.
package enum JSONNames {
    /// Returns the first duplicate name after unescaping; nil when all differ.
    ///
    /// Not generic: generic code is not specialised across modules, and this runs for every object.
    ///
    /// - Parameters:
    ///   - count: How many names.
    ///   - base: The text.
    ///   - name: Returns a name without quotes, as an offset range from `base`, accepted by ``JSONScanner``.
    package static func repeated(_ count: Int, in base: UnsafePointer<UInt8>, _ name: (Int) -> Range<Int>) -> Range<Int>? {
        guard count > 1 else { return nil }
        func hasEscape(_ name: Range<Int>) -> Bool { memchr(base + name.lowerBound, Int32(UInt8(ascii: "\\")), name.count) != nil }
        var isPlain = count <= maximumPairwise
        for index in 0..<count where isPlain { isPlain = !hasEscape(name(index)) }
        guard isPlain else {
            var seen: Set<[UInt8]> = []
            return (0..<count).lazy.map(name).first { name in
                !seen.insert(JSONString.unescape(UnsafeBufferPointer(start: base + name.lowerBound, count: name.count))).inserted
            }
        }
        for index in 1..<count {
            let later = name(index)
            for earlier in 0..<index {
                let other = name(earlier)
                if other.count == later.count, memcmp(base + other.lowerBound, base + later.lowerBound, later.count) == 0 { return later }
            }
        }
        return nil
    }

    /// Up to this many names, pairwise comparison is faster than hashing.
    private static let maximumPairwise = 16
}
