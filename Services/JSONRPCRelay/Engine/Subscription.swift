import Basics
import EdgeRuntime

/// A subscription of a client.
struct Subscription: Hashable, Sendable {
    /// Unique on the connection.
    let id: SubscriptionID
    /// The pushed events and their incident.
    let topic: Topic
}

/// The id of a subscription: `sub_` and a ULID. Kept as 128 bits instead of text, to save memory per subscription.
struct SubscriptionID: Hashable, Sendable, CustomStringConvertible {
    private static let prefix = "sub_"

    private let high: UInt64
    private let low: UInt64

    /// Parses an id; nil if malformed.
    init?(_ text: String) {
        guard text.utf8.starts(with: Self.prefix.utf8) else { return nil }
        self.init(ulid: text.utf8.dropFirst(Self.prefix.utf8.count))
    }

    /// Creates an id from the 26 characters of a ULID; nil if malformed.
    init?(ulid: some Collection<UInt8>) {
        guard let number = CrockfordBase32.decode(ulid) else { return nil }
        high = UInt64(truncatingIfNeeded: number >> 64)
        low = UInt64(truncatingIfNeeded: number)
    }

    /// The id, as clients have it.
    var text: String {
        var bytes = [UInt8](Self.prefix.utf8)
        CrockfordBase32.append(UInt128(high) << 64 | UInt128(low), to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    var description: String { text }
}
