/// The headers of a message: names and values in the order in which they were set.
///
/// Names are compared exactly, as the server does for its own (`Nats-Msg-Id`). A name may occur more than once. White space around a value
/// is lost on the way.
public struct NATSHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// One name and one of its values.
    public struct Field: Hashable, Sendable {
        /// The name, as it was sent.
        public let name: String
        /// The value, as it was sent.
        public let value: String
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

    /// The first value of a name. Setting it replaces all values of the name; setting nil removes them.
    public subscript(_ name: String) -> String? {
        get { fields.first { $0.name == name }?.value }
        set {
            fields.removeAll { $0.name == name }
            if let newValue { append(name, newValue) }
        }
    }

    /// Adds a field behind the others.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
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
