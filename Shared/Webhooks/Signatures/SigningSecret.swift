import Basics
import Crypto
import FoundationEssentials

/// The secret of an endpoint, shared with its receiver (Standard Webhooks 1.0, "Signature scheme"): 24 to 64 random bytes.
///
/// No description or reflection shows it; ``revealed`` is for the one answer that tells the tenant.
public struct SigningSecret: Sendable, Hashable {
    /// Length in bytes.
    public static let lengths = 24...64
    private static let prefix = "whsec_"
    private static let generatedBytes = 32

    private let bytes: [UInt8]

    /// Generates a secret that cannot be guessed.
    public static func generate() -> SigningSecret {
        var generator = SystemRandomNumberGenerator()
        return SigningSecret(bytes: (0..<generatedBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
    }

    /// Parses `whsec_` and the canonical base64 of the bytes. Nil if malformed, or of another length.
    public init?(_ text: some StringProtocol) {
        let text = String(text)
        guard text.hasPrefix(Self.prefix) else { return nil }
        let encoded = String(text.dropFirst(Self.prefix.count))
        // Of the spellings that lenient decoders accept, a secret has one.
        guard let data = Data(base64Encoded: encoded), Self.lengths.contains(data.count), data.base64EncodedString() == encoded else {
            return nil
        }
        self.init(bytes: [UInt8](data))
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// `whsec_` and base64.
    public var revealed: String { Self.prefix + Data(bytes).base64EncodedString() }

    /// Returns the signature of a message: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
    ///
    /// - Parameters:
    ///   - id: the message's id, without a dot.
    ///   - timestamp: seconds since 1970 UTC.
    func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: bytes))
        code.update(data: Array("\(id).\(timestamp).".utf8))
        code.update(data: body)
        return "v1," + Data(code.finalize()).base64EncodedString()
    }
}

extension SigningSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `whsec_…`.
    public var description: String { "\(Self.prefix)…" }
    /// `whsec_…`.
    public var debugDescription: String { description }
    /// No children.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
