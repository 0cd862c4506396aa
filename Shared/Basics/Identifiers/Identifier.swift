import Glibc

/// A validated name from a producer or client: 1 to ``IdentifierKind/maximumBytes`` bytes of UTF-8 without control characters, compared byte for
/// byte (contract §0).
///
/// Only the validating initialiser accepts foreign text, so an `Identifier` needs no further check. `Kind` makes identifiers type-safe: a user
/// cannot be passed as an approval.
public struct Identifier<Kind: IdentifierKind>: Sendable, CustomStringConvertible {
    /// The text, unchanged.
    public let text: String

    /// Validates a name from outside.
    ///
    /// - Parameter field: The value's name for the sender; errors begin with it.
    /// - Throws: a ``ValidationError`` with the broken rule.
    public init(_ text: String, field: String = Kind.field) throws(ValidationError) {
        try TextRule.check(text, field: field, maximumBytes: Kind.maximumBytes)
        if Kind.isPathSegment { try TextRule.checkPathSegment(text, field: field) }
        self.text = text
    }

    /// Creates an identifier from generated text, such as a ULID or a decimal number. Validated in debug builds only.
    package init(generated text: String) {
        assert((try? Self(text)) != nil, "a generated identifier breaks the rules of identifiers")
        self.text = text
    }

    public var description: String { text }
}

extension Identifier: Hashable {
    /// Compares bytes: Swift's `String` comparison treats `é` and `e` with a combining accent as equal.
    public static func == (left: Identifier, right: Identifier) -> Bool {
        // One comparison of memory: the texts of thousands of connections are compared with each event.
        let isEqual = left.text.utf8.withContiguousStorageIfAvailable { left in
            right.text.utf8.withContiguousStorageIfAvailable { right in
                left.count == right.count && memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0
            }
        }
        return isEqual.flatMap { $0 } ?? left.text.utf8.elementsEqual(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension Identifier: Comparable {
    /// Orders by bytes, which is also code point order.
    public static func < (left: Identifier, right: Identifier) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

/// A kind of ``Identifier``: a type without values.
public protocol IdentifierKind: Sendable {
    /// The default name of the value in errors.
    static var field: String { get }
    /// Maximum length in bytes of UTF-8.
    static var maximumBytes: Int { get }
    /// Whether URLs have the name as a path segment. Clients and proxies resolve `.` and `..` there, even percent-encoded (RFC 3986 §5.2.4), so
    /// names with such a segment are unreachable and are refused.
    static var isPathSegment: Bool { get }
}

extension IdentifierKind {
    /// 256 bytes.
    public static var maximumBytes: Int { 256 }
    /// False: not part of a URL's path.
    public static var isPathSegment: Bool { false }
}
