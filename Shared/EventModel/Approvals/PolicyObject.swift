import Basics

/// One JSON object of a policy, read member by member. Errors have the member's path.
struct PolicyObject {
    private let payload: Payload
    private let path: String

    /// Reads from an object that may have other members too.
    init(_ payload: Payload, path: String) {
        self.payload = payload
        self.path = path
    }

    /// Reads an object that may have no other members than `members`.
    ///
    /// - Parameters:
    ///   - json: a part of a validated text.
    ///   - noun: what the object is, with its article, for errors.
    init(_ json: ArraySlice<UInt8>, path: String, members: [String], noun: String) throws(ValidationError) {
        self.init(try Payload(validating: Array(json), field: path, allowsStreamMembers: true), path: path)
        if let stranger = payload.names.first(where: { !members.contains($0) }) {
            throw ValidationError(
                field: path,
                message:
                    "must not have a member called \(ValidationError.excerpt(stranger)); \(noun) has \(members.joined(separator: ", "))"
            )
        }
    }

    func requiredString(_ name: String) throws(ValidationError) -> String {
        guard let kind = kind(of: name) else { throw ValidationError(field: "\(path).\(name)", message: "is missing") }
        guard let text = payload.string(name) else { throw unexpected(kind, at: "\(path).\(name)", wanted: "a string") }
        return text
    }

    /// Reads a whole number; nil when absent.
    func count(_ name: String, in range: ClosedRange<Int>) throws(ValidationError) -> Int? {
        guard let kind = kind(of: name) else { return nil }
        guard kind == .number, let number = payload.json(name).flatMap({ Int(String(decoding: $0, as: UTF8.self)) }), range.contains(number)
        else {
            throw ValidationError(
                field: "\(path).\(name)",
                message: "must be a whole number from \(range.lowerBound) to \(range.upperBound), such as 2"
            )
        }
        return number
    }

    /// Reads an array of different strings; empty when absent.
    ///
    /// - Parameter read: parses a string; gets its path.
    func strings<Value: Hashable>(
        _ name: String,
        atMost limit: Int,
        _ read: (String, String) throws(ValidationError) -> Value
    ) throws(ValidationError) -> [Value] {
        var seen: Set<Value> = []
        return try list(name, atMost: limit, noun: name) { json, path throws(ValidationError) in
            guard let text = JSONString.text(of: json) else {
                throw unexpected(JSONKind(firstByte: json[json.startIndex]), at: path, wanted: "a string")
            }
            let value = try read(text, path)
            guard seen.insert(value).inserted else { throw ValidationError(field: path, message: "must not stand twice") }
            return value
        }
    }

    /// Reads an array of groups; empty when absent.
    func groups(_ name: String) throws(ValidationError) -> [ApprovalGroup] {
        try list(name, atMost: ApprovalPolicy.maximumGroups, noun: "groups") { json, path throws(ValidationError) in
            try ApprovalGroup(json, path: path)
        }
    }

    /// Reads an array; empty when absent.
    ///
    /// - Parameters:
    ///   - noun: what the elements are, for errors.
    ///   - read: parses an element; gets its path, such as `payload.groups[0]`.
    func list<Value>(
        _ name: String,
        atMost limit: Int,
        noun: String,
        _ read: (ArraySlice<UInt8>, String) throws(ValidationError) -> Value
    ) throws(ValidationError) -> [Value] {
        guard let kind = kind(of: name) else { return [] }
        guard let elements = payload.elements(of: name) else { throw unexpected(kind, at: "\(path).\(name)", wanted: "an array") }
        guard elements.count <= limit else {
            throw ValidationError(field: "\(path).\(name)", message: "must have at most \(limit) \(noun), but has \(elements.count)")
        }
        var values: [Value] = []
        for (index, element) in elements.enumerated() { values.append(try read(element, "\(path).\(name)[\(index)]")) }
        return values
    }

    /// The kind of a member; nil when it is absent or null.
    private func kind(of name: String) -> JSONKind? {
        payload.kind(of: name).flatMap { $0 == .null ? nil : $0 }
    }

    private func unexpected(_ kind: JSONKind, at field: String, wanted: String) -> ValidationError {
        ValidationError(field: field, message: "must be \(wanted), but is \(kind.phrase)")
    }
}
