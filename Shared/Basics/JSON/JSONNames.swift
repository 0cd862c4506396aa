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
        return JSONNames.repeated(names[start...], in: base)?.lowerBound
    }
}

/// Compares the names of an object's members.
package enum JSONNames {
    /// Returns the first duplicate name after unescaping; nil when all differ.
    ///
    /// - Parameters:
    ///   - names: Names without quotes, as offset ranges from `base`, accepted by ``JSONScanner``.
    package static func repeated(_ names: some RandomAccessCollection<Range<Int>>, in base: UnsafePointer<UInt8>) -> Range<Int>? {
        guard names.count > 1 else { return nil }
        func bytes(_ name: Range<Int>) -> UnsafeBufferPointer<UInt8> {
            UnsafeBufferPointer(start: base + name.lowerBound, count: name.count)
        }
        if names.count > maximumPairwise || names.contains(where: { bytes($0).contains(UInt8(ascii: "\\")) }) {
            var seen: Set<[UInt8]> = []
            return names.first { !seen.insert(JSONString.unescape(bytes($0))).inserted }
        }
        for (index, name) in names.enumerated() {
            for other in names.prefix(index) where other.count == name.count && bytes(other).elementsEqual(bytes(name)) {
                return name
            }
        }
        return nil
    }

    /// Up to this many names, pairwise comparison is faster than hashing.
    private static let maximumPairwise = 16
}
