import Basics
import EventLog

/// The id of an endpoint: `whk_` and a ULID whose last ten bits are the endpoint's ``slot``, its place among those of its tenant.
///
/// An id is never given twice; a slot is, after its endpoint was deleted.
public struct EndpointID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Slots that an id can name.
    static let slots = 1024
    private static let prefix = "whk_"
    private static let slotMask = UInt128(slots - 1)
    /// The bits between time and slot.
    private static let nameMask = (UInt128(1) << 80 - 1) & ~slotMask

    private let value: UInt128

    /// Creates an id for a slot in 0..<``slots``.
    ///
    /// - Parameter request: the key of the request that registers the endpoint: a repetition finds the id by it. Without a key the id cannot
    ///   be guessed.
    init(slot: Int, time: Timestamp, request: RequestKey? = nil) {
        precondition((0..<Self.slots).contains(slot))
        // A new ULID is always valid.
        let random = CrockfordBase32.decode(ULID.generate(time: time).utf8) ?? 0
        let name = request?.number ?? random
        value = random & ~(Self.nameMask | Self.slotMask) | name & Self.nameMask | UInt128(slot)
    }

    /// Whether the endpoint was registered by a request with this key.
    func isOf(_ request: RequestKey) -> Bool { (value ^ request.number) & Self.nameMask == 0 }

    /// Parses ``description``; nil for any other form.
    public init?(_ text: some StringProtocol) {
        let bytes = String(text).utf8
        guard bytes.starts(with: Self.prefix.utf8), let value = CrockfordBase32.decode(bytes.dropFirst(Self.prefix.utf8.count)) else {
            return nil
        }
        self.value = value
    }

    /// The endpoint's place among those of its tenant.
    package var slot: Int { Int(truncatingIfNeeded: value & Self.slotMask) }

    /// `whk_` and 26 characters of Crockford base 32.
    public var description: String {
        var bytes = Array(Self.prefix.utf8)
        CrockfordBase32.append(value, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Orders by the time of creation.
    public static func < (left: EndpointID, right: EndpointID) -> Bool { left.value < right.value }
}
