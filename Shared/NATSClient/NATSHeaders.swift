/// The headers of a message: ordered names and values.
///
/// Names are sent as written, because the server compares its own (`Nats-Msg-Id`) exactly. Lookup ignores ASCII case. A name may repeat.
/// White space around a value is not preserved.
public struct NATSHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// A header name with one value.
    public struct Field: Hashable, Sendable {
        /// The name, as it was sent.
        public let name: String
        /// The value; invalid UTF-8 is replaced.
        public let value: String
        /// Whether ``value`` is exactly what was sent. If false, different bytes may yield the same text.
        public let isUTF8: Bool

        init(name: String, value: String, isUTF8: Bool = true) {
            self.name = name
            self.value = value
            self.isUTF8 = isUTF8
        }
    }

    /// All fields. nats.c keeps the order of one name's values, not the order of names.
    public private(set) var fields: [Field]

    /// Creates headers from a literal: `["Nats-Msg-Id": id]`.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// Creates empty headers.
    public init() {
        fields = []
    }

    /// The size of names and values, in bytes.
    var byteCount: Int { fields.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } }

    /// Whether there are no fields.
    public var isEmpty: Bool { fields.isEmpty }

    /// The first value of a header; case-insensitive. Setting it replaces all values of the name; setting nil removes them.
    public subscript(_ name: String) -> String? {
        get { fields.first { HeaderName.isSame($0.name.utf8, name.utf8) }?.value }
        set {
            fields.removeAll { HeaderName.isSame($0.name.utf8, name.utf8) }
            if let newValue { append(name, newValue) }
        }
    }

    /// Returns the only value of a header; nil if absent. Case-insensitive.
    ///
    /// For security-relevant headers: with two values, readers might disagree on which one counts.
    ///
    /// - Throws: `.invalidHeader` when values differ or are not UTF-8.
    public func only(_ name: String) throws(NATSError) -> String? {
        let found = fields.lazy.filter { HeaderName.isSame($0.name.utf8, name.utf8) }
        guard let first = found.first else { return nil }
        guard found.allSatisfy(\.isUTF8) else { throw HeaderName.invalidText(name) }
        guard found.allSatisfy({ $0.value.utf8.elementsEqual(first.value.utf8) }) else { throw HeaderName.ambiguity(name) }
        return first.value
    }

    /// Reserves room for as many fields in all.
    public mutating func reserveCapacity(_ count: Int) {
        fields.reserveCapacity(count)
    }

    /// Appends a field.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Appends a received field.
    mutating func append(received name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        let name = String(decoding: name, as: UTF8.self)
        let text = String(validating: value, as: UTF8.self)
        fields.append(Field(name: name, value: text ?? String(decoding: value, as: UTF8.self), isUTF8: text != nil))
    }

    /// Throws on header injection: a name must be visible ASCII without a colon, a value must not have CR, LF or NUL.
    func validate() throws(NATSError) {
        for field in fields {
            guard !field.name.isEmpty, field.name.hasOnlyBytes(where: { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") }) else {
                throw NATSError(.invalidHeader, "A header's name must be visible ASCII characters without a colon.")
            }
            guard field.value.hasOnlyBytes(where: { $0 != 0x0D && $0 != 0x0A && $0 != 0 }) else {
                throw NATSError(.invalidHeader, "The value of header \(field.name) must not hold a line break or NUL.")
            }
        }
    }
}

extension String {
    /// Returns whether all bytes of its UTF-8 satisfy `isAllowed`. Tests all, so that the compiler can test many at once.
    @inline(__always)
    fileprivate func hasOnlyBytes(where isAllowed: (UInt8) -> Bool) -> Bool {
        func test(_ bytes: some Sequence<UInt8>) -> Bool { bytes.reduce(0) { $0 | (isAllowed($1) ? 0 : 1) } == 0 }
        return utf8.withContiguousStorageIfAvailable { test($0) } ?? test(utf8)
    }
}
