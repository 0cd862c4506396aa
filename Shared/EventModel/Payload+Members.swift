public import Basics

extension Payload {
    /// The number of top-level members.
    public var memberCount: Int { index.members.count }

    /// Whether there is a top-level member of that name, whatever its value.
    public func contains(_ name: String) -> Bool { value(name) != nil }

    /// The JSON kind of the top-level member's value; nil when there is no such member.
    public func kind(of name: String) -> JSONKind? {
        value(name).map { JSONKind(firstByte: bytes[$0.lowerBound]) }
    }

    /// The JSON text of the top-level member's value, as received; nil when there is no such member.
    public func json(_ name: String) -> ArraySlice<UInt8>? {
        value(name).map { bytes[$0] }
    }

    /// The unescaped text of a top-level string member; nil when absent or of another kind.
    public func string(_ name: String) -> String? {
        json(name).flatMap(JSONString.text(of:))
    }

    /// The value of a top-level boolean member; nil when absent or of another kind.
    public func boolean(_ name: String) -> Bool? {
        guard let range = value(name) else { return nil }
        switch bytes[range.lowerBound] {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: return nil
        }
    }

    /// The JSON texts of the elements of a top-level array member, as received; nil when absent or of another kind.
    func elements(of name: String) -> [ArraySlice<UInt8>]? {
        guard kind(of: name) == .array, let range = value(name) else { return nil }
        // The text has been validated, so nothing below throws.
        return try? JSONScanner.scan(bytes) { scanner throws(JSONSyntaxError) in
            var elements: [ArraySlice<UInt8>] = []
            scanner.position = range.lowerBound
            try scanner.openArray()
            while try scanner.nextElement(isFirst: elements.isEmpty) {
                let start = scanner.position
                try scanner.scanValue(depth: 0)
                elements.append(bytes[start..<scanner.position])
            }
            return elements
        }
    }

    /// The text of an optional member; nil when absent or null.
    package func text(_ name: String) throws(ValidationError) -> String? {
        guard let kind = kind(of: name), kind != .null else { return nil }
        guard let text = string(name) else { throw ValidationError(field: name, message: "must be a string") }
        return text
    }

    /// The texts of a top-level array of strings; nil when absent.
    ///
    /// - Throws: for another kind, null included; names the element.
    package func texts(_ name: String) throws(ValidationError) -> [String]? {
        guard contains(name) else { return nil }
        guard let elements = elements(of: name) else { throw ValidationError(field: name, message: "must be an array of strings") }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard let text = JSONString.text(of: element) else {
                throw ValidationError(field: "\(name)[\(index)]", message: "must be a string")
            }
            texts.append(text)
        }
        return texts
    }

    /// Throws for the first member that is not one of `names`.
    ///
    /// - Parameters:
    ///   - whole: what the object is, with its article, for errors.
    ///   - advice: which members to send.
    package func checkMembers(_ names: Set<String>, of whole: String, advice: String) throws(ValidationError) {
        guard let unknown = self.names.first(where: { !names.contains($0) }) else { return }
        throw ValidationError(field: unknown.bounded(toBytes: 64), message: "is not a member of \(whole): \(advice)")
    }

    /// The unescaped names of the top-level members, in their order.
    package var names: [String] {
        bytes.withUnsafeBufferPointer { buffer in
            index.members.map { JSONString.text(UnsafeBufferPointer(rebasing: buffer[$0.name])) }
        }
    }

    private func value(_ name: String) -> Range<Int>? {
        bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.flatMap { index.member(name, in: $0)?.value }
        }
    }
}

extension Payload {
    /// Whether the object has no members.
    var isEmpty: Bool { index.members.isEmpty }

    /// Appends the bytes between the braces.
    func appendMembers(to out: inout [UInt8]) {
        out.append(contentsOf: bytes[index.interior])
    }

    /// Appends the bytes between the braces; each CR and LF, which can only be whitespace there, becomes a space.
    func appendMembersOnOneLine(to out: inout [UInt8]) {
        guard index.hasLineBreaks else { return appendMembers(to: &out) }
        for byte in bytes[index.interior] {
            out.append(byte == 0x0A || byte == 0x0D ? 0x20 : byte)
        }
    }
}
