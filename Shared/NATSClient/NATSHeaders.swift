/// The headers of a message: names and values in the order in which they were set.
///
/// Names are sent as they are written here, which matters for those of the server: it compares its own (`Nats-Msg-Id`) exactly. Here they are
/// looked up without regard to the case of ASCII letters. A name may occur more than once. White space around a value is lost on the way.
public struct NATSHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// One name and one of its values.
    public struct Field: Hashable, Sendable {
        /// The name, as it was sent.
        public let name: String
        /// The value, as it was sent; bytes that are not UTF-8 are replaced.
        public let value: String
        /// Whether ``value`` is what was sent. If not, other bytes would look the same.
        public let isUTF8: Bool

        init(name: String, value: String, isUTF8: Bool = true) {
            self.name = name
            self.value = value
            self.isUTF8 = isUTF8
        }
    }

    /// All fields. nats.c sends the values of one name in order, but the names in an order of its own.
    public private(set) var fields: [Field]

    /// Creates headers from a literal: `["Nats-Msg-Id": id]`.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// Creates headers without a field.
    public init() {
        fields = []
    }

    /// Whether there is no field.
    public var isEmpty: Bool { fields.isEmpty }

    /// The first value of a name, in whatever case that is written. Setting it replaces all values of the name; setting nil removes them.
    public subscript(_ name: String) -> String? {
        get { fields.first { HeaderName.isSame($0.name.utf8, name.utf8) }?.value }
        set {
            fields.removeAll { HeaderName.isSame($0.name.utf8, name.utf8) }
            if let newValue { append(name, newValue) }
        }
    }

    /// The value of a name, in whatever case that is written; nil if it does not occur.
    ///
    /// For what must not be misread: whose one of two values is taken depends on the reader.
    ///
    /// - Throws: `.invalidHeader` when it occurs with different values, or is not UTF-8.
    public func only(_ name: String) throws(NATSError) -> String? {
        let found = fields.lazy.filter { HeaderName.isSame($0.name.utf8, name.utf8) }
        guard let first = found.first else { return nil }
        guard found.allSatisfy(\.isUTF8) else { throw HeaderName.invalidText(name) }
        guard found.allSatisfy({ $0.value.utf8.elementsEqual(first.value.utf8) }) else { throw HeaderName.ambiguity(name) }
        return first.value
    }

    /// Adds a field behind the others.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Adds a field as it was received, behind the others.
    mutating func append(received name: some Collection<UInt8>, _ value: some Collection<UInt8>) {
        let name = String(decoding: name, as: UTF8.self)
        let text = String(validating: value, as: UTF8.self)
        fields.append(Field(name: name, value: text ?? String(decoding: value, as: UTF8.self), isUTF8: text != nil))
    }

    /// Throws if a field could break out of its line: a name must be visible ASCII without a colon, a value without CR, LF and NUL.
    func validate() throws(NATSError) {
        for field in fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy({ 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") }) else {
                throw NATSError(.invalidHeader, "A header's name must be visible ASCII characters without a colon.")
            }
            guard field.value.utf8.allSatisfy({ $0 != 0x0D && $0 != 0x0A && $0 != 0 }) else {
                throw NATSError(.invalidHeader, "The value of header \(field.name) must not hold a line break or NUL.")
            }
        }
    }
}
