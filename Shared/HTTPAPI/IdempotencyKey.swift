public import Basics
public import HTTPTypes

/// A client's name for a request, by which its repetition is recognised (contract §7, §10): 1 to 256 bytes of UTF-8 without control characters,
/// compared byte for byte.
public struct IdempotencyKey: Sendable, Hashable {
    /// The longest key, in bytes of UTF-8.
    public static let maximumBytes = 256
    /// What errors call it.
    public static let field = "Idempotency-Key"

    /// The key as it was sent.
    public let text: String

    /// Checks a key.
    public init(_ text: String) throws(ValidationError) {
        try TextRule.check(text, field: Self.field, maximumBytes: Self.maximumBytes)
        self.text = text
    }

    /// The key that a request carries; nil when it has none.
    ///
    /// - Throws: an error for a header that is empty, too long, not UTF-8, or there more than once.
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
