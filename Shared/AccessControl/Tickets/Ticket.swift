import Basics
import Crypto

/// A secret that opens one stream in place of a token (contract §13): `tkt_` and 256 bits in base64url.
///
/// A value; its descriptions do not show it.
public struct Ticket: Sendable, Hashable {
    /// How long a ticket is valid after its issue, unless its token ends earlier.
    public static let lifetime: Duration = .seconds(30)

    static let prefix = "tkt_"
    private static let byteCount = 32

    /// The secret, as sent to the client and by it.
    public let text: String

    /// Generates a ticket from the system's cryptographically secure generator.
    public static func generate() -> Ticket {
        var generator = SystemRandomNumberGenerator()
        let words = (0..<byteCount / MemoryLayout<UInt64>.size).map { _ in generator.next() }
        let bytes = words.flatMap { word in withUnsafeBytes(of: word, Array.init) }
        return Ticket(unchecked: prefix + Base64URL.encode(bytes))
    }

    /// Parses a ticket; nil for any other text.
    public init?(_ text: String) {
        guard text.utf8.starts(with: Self.prefix.utf8),
            Base64URL.decode(text.utf8.dropFirst(Self.prefix.utf8.count))?.count == Self.byteCount
        else { return nil }
        self.init(unchecked: text)
    }

    private init(unchecked text: String) { self.text = text }

    /// The SHA-256 of the text in lower-case hexadecimal, under which the ticket is stored: the text cannot be computed from it.
    public var digest: String { Hexadecimal.lowercase(Array(SHA256.hash(data: Array(text.utf8)))) }
}

extension Ticket: CustomStringConvertible, CustomReflectable {
    public var description: String { "Ticket(\(Redaction.mark))" }

    /// Has no children, so that `dump` and mirrors do not show the secret.
    public var customMirror: Mirror { Mirror(self, children: [(label: String?, value: Any)]()) }
}
