/// A name that a producer or a client chose: 1 to ``IdentifierKind/maximumBytes`` bytes of UTF-8 without control characters, compared byte
/// for byte (contract §0).
///
/// Only the checked initialiser makes one from text of others, so whatever takes an `Identifier` needs no check of its own. `Kind` keeps a
/// user from standing where an approval is asked for.
public struct Identifier<Kind: IdentifierKind>: Sendable, CustomStringConvertible {
    /// The name as it was given.
    public let text: String

    /// Checks a name that comes from outside.
    ///
    /// - Parameter field: what the sender calls the value; errors begin with it.
    /// - Throws: a ``ValidationError`` that says which rule is broken.
    public init(_ text: String, field: String = Kind.field) throws(ValidationError) {
        try TextRule.check(text, field: field, maximumBytes: Kind.maximumBytes)
        if Kind.isPathSegment { try TextRule.checkPathSegment(text, field: field) }
        self.text = text
    }

    /// Takes a name that this program made itself, such as a ULID or a decimal number. The caller vouches for it; debug builds check.
    package init(generated text: String) {
        assert((try? Self(text)) != nil, "a generated identifier breaks the rules of identifiers")
        self.text = text
    }

    public var description: String { text }
}

extension Identifier: Hashable {
    /// Compares bytes: Swift's own comparison takes `é` and `e` with a combining accent for the same text.
    public static func == (left: Identifier, right: Identifier) -> Bool {
        left.text.utf8.count == right.text.utf8.count && left.text.utf8.elementsEqual(right.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension Identifier: Comparable {
    /// The order of the bytes, which is also that of the code points.
    public static func < (left: Identifier, right: Identifier) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }
}

/// What an ``Identifier`` names. A type is a kind; it has no values.
public protocol IdentifierKind: Sendable {
    /// What errors call the value when a door has no other name for it.
    static var field: String { get }
    /// The longest name, in bytes of UTF-8.
    static var maximumBytes: Int { get }
    /// Whether URLs carry the name as a part of their path. Clients and proxies resolve `.` and `..` there, even percent-encoded
    /// (RFC 3986 §5.2.4), so a name that has one between slashes could not be reached and is refused.
    static var isPathSegment: Bool { get }
}

extension IdentifierKind {
    public static var maximumBytes: Int { 256 }
    public static var isPathSegment: Bool { false }
}
