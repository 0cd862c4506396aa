package import Basics

/// The headers of a request or message that describe an event: CloudEvents attributes, trace context and the log's own.
///
/// One pass over the headers collects them. It rejects unknown attributes, values that are not UTF-8, and duplicate names with different
/// values (contract §10). A misspelt `ce-userid` would otherwise send a private event to a tenant.
package struct AttributeFields: Sendable {
    /// The supported CloudEvents attributes. `subject` and `dataschema` are CloudEvents' own and have no effect.
    package static let attributes: Set<String> = [
        "specversion", "id", "source", "type", "time", "subject", "dataschema", "datacontenttype", "tenant", "userid", "traceparent",
        "tracestate",
    ]
    /// The prefix of CloudEvents attributes in headers.
    package static let prefix = "ce-"

    private static let others: Set<String> = [
        "traceparent", "causeway-intake", Recipients.header, ExecutionBinding.runHeader, ExecutionBinding.numberHeader,
        ExecutionBinding.firstHeader, ExecutionBinding.startHeader,
    ]

    private var fields: [(name: String, value: String)] = []

    package init() {}

    /// Collects headers from strings.
    package init(_ headers: some Sequence<(name: String, value: String)>) throws(ValidationError) {
        for header in headers { try add(name: header.name, value: header.value) }
    }

    /// Adds a header; ignores one that does not describe an event.
    ///
    /// Takes bytes of one concrete type: called for every header of every event that a service follows, and the compiler specializes no generic
    /// function for another module.
    ///
    /// - Throws: an error whose field is the header's name in lower case.
    package mutating func add(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ValidationError) {
        guard let name = Self.key(name) else { return }
        try add(key: name, String(validating: value, as: UTF8.self))
    }

    /// The same for strings.
    ///
    /// - Parameter value: nil for a value that is not UTF-8.
    package mutating func add(name: String, value: String?) throws(ValidationError) {
        guard let name = Self.key(name.utf8) else { return }
        try add(key: name, value)
    }

    /// Returns a header's name in lower case; nil for most headers that do not describe an event.
    private static func key(_ name: some Collection<UInt8>) -> String? {
        // Fast path: one comparison (c, C, t, T) rejects most headers.
        guard let first = name.first, first | 0x20 == UInt8(ascii: "c") || first | 0x20 == UInt8(ascii: "t") else { return nil }
        return String(decoding: name.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private mutating func add(key name: String, _ value: String?) throws(ValidationError) {
        if name.hasPrefix(Self.prefix) {
            try Self.checkAttribute(String(name.dropFirst(Self.prefix.count)), field: name)
        } else if !Self.others.contains(name) {
            return
        }
        guard let value else {
            // A malformed trace context is ignored (W3C Trace Context §3.2).
            if name == "traceparent" { return }
            throw ValidationError(field: name, message: "must be UTF-8")
        }
        if let known = self[name] {
            guard known.utf8.elementsEqual(value.utf8) else {
                throw ValidationError(
                    field: name,
                    message: "must not stand twice with different values, in whatever case its name is written"
                )
            }
            return
        }
        fields.append((name, value))
    }

    /// The value of a header; nil when it is absent.
    package subscript(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// Throws unless every collected CloudEvents attribute has the value that `body` returns (CloudEvents HTTP binding 1.0.2, §3.2): an
    /// ignored header could be the `ce-userid` of a private event.
    ///
    /// - Parameter body: returns an attribute's value in the request's body, by its name without the prefix; nil when absent.
    func checkRepeated(in body: (String) throws(ValidationError) -> String?) throws(ValidationError) {
        for field in fields where field.name.hasPrefix(Self.prefix) {
            let value = try body(String(field.name.dropFirst(Self.prefix.count)))
            guard let value, CloudEventHeaders.decode(field.value)?.utf8.elementsEqual(value.utf8) == true else {
                throw ValidationError(field: field.name, message: "must equal the attribute of the event in the body, or be left out")
            }
        }
    }

    /// Throws unless `name` is a supported attribute.
    ///
    /// - Parameter field: its name in errors.
    package static func checkAttribute(_ name: String, field: String) throws(ValidationError) {
        guard !attributes.contains(name) else { return }
        let isWellFormed =
            (1...20).contains(name.utf8.count)
            && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        // The name is untrusted: any length, any characters.
        let shown = field == name ? "" : prefix
        throw ValidationError(
            field: isWellFormed ? field : "\(shown)\(ValidationError.excerpt(name))",
            message: isWellFormed
                ? "is not an attribute that is understood here; leave it out, or send it in the payload"
                : "is not the name of a CloudEvents attribute, which has 1 to 20 characters from a-z and 0-9"
        )
    }
}
