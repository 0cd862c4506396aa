public import Basics
public import HTTPTypes

/// A client's key that makes a request idempotent (contract §7, §10): 1 to 256 bytes of UTF-8 without control characters, compared byte for
/// byte.
public struct IdempotencyKey: Sendable, Hashable {
    /// Maximum length in bytes of UTF-8.
    public static let maximumBytes = 256
    /// Its name in errors.
    public static let field = "Idempotency-Key"

    /// The key, unchanged.
    public let text: String

    /// Validates a key.
    public init(_ text: String) throws(ValidationError) {
        try TextRule.check(text, field: Self.field, maximumBytes: Self.maximumBytes)
        self.text = text
    }

    /// Reads the key of a request; nil when absent.
    ///
    /// - Throws: for a header that is empty, too long, not UTF-8, or repeated.
    public init?(_ headers: HTTPFields) throws(ValidationError) {
        guard let text = try headers.onlyText(.idempotencyKey, field: Self.field) else { return nil }
        try self.init(text)
    }

    public static func == (left: IdempotencyKey, right: IdempotencyKey) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
