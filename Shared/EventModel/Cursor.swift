public import Basics

/// A position in the log: the id of an event on every surface, which a client sends back to resume (contract §3).
///
/// The text is `evt_` and a ULID whose 48-bit time is the time of intake and whose low 80 bits are the log's epoch (16) and the
/// event's sequence in it (64). Every process computes the same text for the same event.
/// Only epoch and sequence identify the position: equality, hashing and order ignore the time.
public struct Cursor: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The upper half of the ULID: 48 bits of time and 16 of the epoch. Every open stream has a cursor, so it is two words.
    private let origin: UInt64
    /// The position in the log; 0 is before the first event.
    public let sequence: UInt64

    /// The time of intake; between 1970 and 10889.
    public var time: Timestamp { Timestamp(millisecondsSinceEpoch: Int64(origin >> 16)) }
    /// The log of the sequence: 16 bits of the time at which its stream was created.
    public var epoch: UInt16 { UInt16(truncatingIfNeeded: origin) }

    /// Creates a cursor. A time that does not fit in 48 bits is clamped.
    public init(time: Timestamp, epoch: UInt16, sequence: UInt64) {
        origin = UInt64(ULID.milliseconds(of: time)) << 16 | UInt64(epoch)
        self.sequence = sequence
    }

    /// The highest sequence accepted from outside: arithmetic above it cannot overflow.
    static let maximumSequence = UInt64(Int64.max)

    /// Parses ``text``. Nil for any other form, including lower case, and for a sequence above 2^63−1, which no log reaches.
    public init?(_ text: some StringProtocol) {
        let bytes = String(text).utf8
        guard bytes.starts(with: "evt_".utf8), let value = CrockfordBase32.decode(bytes.dropFirst(4)),
            UInt64(truncatingIfNeeded: value) <= Self.maximumSequence
        else { return nil }
        origin = UInt64(truncatingIfNeeded: value >> 64)
        sequence = UInt64(truncatingIfNeeded: value)
    }

    /// `evt_` and 26 characters of Crockford base 32.
    public var text: String { CrockfordBase32.text(value, prefix: "evt_") }

    public var description: String { text }

    /// The next position, with the same time.
    public var next: Cursor { Cursor(time: time, epoch: epoch, sequence: min(sequence, Self.maximumSequence) + 1) }

    /// The position before, with the same time; 0 stays.
    public var previous: Cursor { Cursor(time: time, epoch: epoch, sequence: sequence == 0 ? 0 : sequence - 1) }

    public static func == (left: Cursor, right: Cursor) -> Bool {
        left.epoch == right.epoch && left.sequence == right.sequence
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(epoch)
        hasher.combine(sequence)
    }

    /// Orders by sequence within one epoch; between epochs the order is fixed but meaningless.
    public static func < (left: Cursor, right: Cursor) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }

    /// Appends ``text`` without creating a string.
    func append(to out: inout [UInt8]) {
        out.append("evt_")
        CrockfordBase32.append(value, to: &out)
    }

    private var value: UInt128 { UInt128(origin) << 64 | UInt128(sequence) }
}
