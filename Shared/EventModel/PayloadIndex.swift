import Basics

/// The positions of a payload's top-level members, collected during validation.
struct PayloadIndex: Sendable {
    /// One member; offsets count from the payload's first byte, and 32 bits are enough for ``Payload/maximumBytes``.
    struct Member: Sendable {
        private var nameStart: UInt32
        private var nameEnd: UInt32
        private var valueStart: UInt32
        private var valueEnd: UInt32

        init(name: Range<Int>, value: Range<Int>) {
            nameStart = UInt32(name.lowerBound)
            nameEnd = UInt32(name.upperBound)
            valueStart = UInt32(value.lowerBound)
            valueEnd = UInt32(value.upperBound)
        }

        /// The name without its quotes, escapes as written.
        var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
        var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    private(set) var members: [Member] = []
    /// The range between the braces.
    private(set) var interior: Range<Int>
    /// Whether a name contains an escape, so that its bytes are not the name itself.
    private(set) var hasEscapedNames = false
    /// Whether CR or LF occurs within the braces; it can only be whitespace between tokens.
    private(set) var hasLineBreaks = false

    /// The overhead of an array and of rounding an allocation, in bytes.
    static let arrayOverhead = 48

    /// The initial capacity, which doubles when exceeded.
    private static let leastPlaces = 8

    /// Memory of the members in bytes: the same for the same payload, however the allocator rounds.
    var heapBytes: Int {
        let places = members.count <= Self.leastPlaces ? Self.leastPlaces : 1 << (Int.bitWidth - (members.count - 1).leadingZeroBitCount)
        return places * MemoryLayout<Member>.stride
    }

    init(interior: Range<Int>) {
        self.interior = interior
    }

    /// Reads one object from `scanner`, whose position is on it, and applies the rules of ``Payload``.
    ///
    /// - Parameters:
    ///   - origin: the offset of the payload's first byte in the scanner's text.
    ///   - allowsStreamMembers: whether `type` and `timestamp` are allowed.
    init(scanning scanner: inout JSONScanner, origin: Int, field: String, allowsStreamMembers: Bool) throws(ValidationError) {
        interior = 0..<0
        guard scanner.position < scanner.end, scanner.base[scanner.position] == UInt8(ascii: "{") else {
            throw ValidationError(field: field, message: "must be a JSON object")
        }
        do throws(JSONSyntaxError) {
            try scanMembers(&scanner, origin: origin)
        } catch {
            throw error.validationError(field: field)
        }
        try Self.checkSize(scanner.position - origin, field: field)
        try checkNames(scanner.base + origin, field: field, allowsStreamMembers: allowsStreamMembers)
    }

    private mutating func scanMembers(_ scanner: inout JSONScanner, origin: Int) throws(JSONSyntaxError) {
        try scanner.openObject()
        let start = scanner.position
        scanner.hasSkippedLineBreak = false
        members.reserveCapacity(Self.leastPlaces)
        while let name = try scanner.nextMember(isFirst: members.isEmpty) {
            let valueStart = scanner.position
            try scanner.scanValue(depth: 1)
            // Too long; the caller throws. Offsets beyond the limit are never stored.
            guard scanner.position - origin <= Payload.maximumBytes else { return }
            members.append(
                Member(
                    name: name.lowerBound - origin..<name.upperBound - origin,
                    value: valueStart - origin..<scanner.position - origin
                )
            )
        }
        interior = start - origin..<scanner.position - 1 - origin
        hasLineBreaks = scanner.hasSkippedLineBreak
    }

    static func checkSize(_ count: Int, field: String) throws(ValidationError) {
        guard count <= Payload.maximumBytes else {
            throw ValidationError(field: field, message: "must be at most \(Payload.maximumBytes) bytes", kind: .tooLarge)
        }
    }

    // MARK: Names

    /// Throws when a name occurs twice or is one that the notification stream adds.
    private mutating func checkNames(_ base: UnsafePointer<UInt8>, field: String, allowsStreamMembers: Bool) throws(ValidationError) {
        hasEscapedNames = members.contains { member in
            UnsafeBufferPointer(start: base + member.name.lowerBound, count: member.name.count).contains(UInt8(ascii: "\\"))
        }
        if let repeated = JSONNames.repeated(members.count, in: base, { members[$0].name }) {
            let written = UnsafeBufferPointer(start: base + repeated.lowerBound, count: repeated.count)
            let name = ValidationError.excerpt(JSONString.text(written))
            throw ValidationError(field: field, message: "must not have two members called \(name)")
        }
        for name in ["type", "timestamp"] where !allowsStreamMembers && member(name, in: base) != nil {
            throw ValidationError(
                field: "\(field).\(name)",
                message: "must not be a member of the payload, because the notification stream adds its own; choose another name"
            )
        }
    }

    /// Returns the member called `name`; names are compared unescaped.
    ///
    /// - Parameter base: the payload's first byte.
    func member(_ name: String, in base: UnsafePointer<UInt8>) -> Member? {
        let wanted = name.utf8
        return members.first { member in
            let written = UnsafeBufferPointer(start: base + member.name.lowerBound, count: member.name.count)
            // An escape makes a name longer, up to six times.
            guard written.count >= wanted.count, written.count <= (hasEscapedNames ? 6 : 1) * wanted.count else { return false }
            if hasEscapedNames, written.contains(UInt8(ascii: "\\")) {
                return JSONString.unescape(written).elementsEqual(wanted)
            }
            return written.elementsEqual(wanted)
        }
    }
}
