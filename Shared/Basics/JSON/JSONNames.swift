/// The names of the objects that are open while a JSON text is scanned, to find a member that stands twice (RFC 8259 §4).
///
/// One array for all of them, the innermost object's names last, so that a text allocates once and not for each object.
struct JSONNameStack {
    /// Offsets of names without their quotes; an empty range below zero marks where an object begins.
    private var names: [Range<Int>] = []

    private static let mark = -1 ..< -1

    /// An object begins that has at least one member.
    mutating func open() { names.append(Self.mark) }

    /// The innermost object has a member of that name.
    mutating func add(_ name: Range<Int>) { names.append(name) }

    /// The innermost object ends. Returns the offset of the first name that repeats an earlier one.
    mutating func close(in base: UnsafePointer<UInt8>) -> Int? {
        let start = (names.lastIndex(of: Self.mark) ?? -1) + 1
        defer { names.removeSubrange(max(0, start - 1)...) }
        return JSONNames.repeated(names[start...], in: base)?.lowerBound
    }
}

/// Compares the names of an object's members.
package enum JSONNames {
    /// The first name that repeats an earlier one, escapes undone; nil when all differ.
    ///
    /// - Parameters:
    ///   - names: the names without their quotes, as ranges of offsets from `base`, accepted by ``JSONScanner``.
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

    /// Up to this many names, comparing each with each is faster than hashing them.
    private static let maximumPairwise = 16
}
