public import Basics
import Crypto

/// The digest of an approval's `action`: what people approve is what is executed (contract §12).
///
/// SHA-256 of the action's RFC 8785 form, so that spacing, member order and spelling do not matter.
public struct ActionDigest: Sendable, Hashable, CustomStringConvertible {
    /// `sha256:` and 64 lower-case hexadecimal digits.
    public let text: String

    private static let prefix = "sha256:"
    private static let digits = 64

    /// Computes the digest of one JSON value.
    ///
    /// - Parameter field: the value's name in errors.
    /// - Throws: a ``ValidationError`` when the value has no RFC 8785 form; see ``CanonicalJSON``.
    public init(of json: ArraySlice<UInt8>, field: String) throws(ValidationError) {
        let form = try CanonicalJSON.encode(json, field: field)
        text = Self.prefix + SHA256.hash(data: form).withUnsafeBytes { Hexadecimal.lowercase($0) }
    }

    /// Accepts a digest from outside in the form of ``text``.
    public init(_ text: String, field: String) throws(ValidationError) {
        let digits = text.utf8.dropFirst(Self.prefix.utf8.count)
        guard text.utf8.starts(with: Self.prefix.utf8), digits.count == Self.digits,
            digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else {
            throw ValidationError(
                field: field,
                message: "must be \(Self.prefix) and \(Self.digits) lower-case hexadecimal digits, as the approval shows it"
            )
        }
        self.text = text
    }

    public var description: String { text }
}
