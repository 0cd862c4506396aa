public import Basics

/// A place in the log: the id of an event on every surface, and what a client gives back to resume (contract §3).
///
/// The text is `evt_` and a ULID whose 48-bit time is the moment of intake and whose low 80 bits are the log's epoch (16) and the
/// event's sequence in it (64). Every process computes the same text for the same event.
/// Only epoch and sequence say which place is meant: equality, hashing and order ignore the time.
public struct Cursor: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// When the event was taken in; between 1970 and 10889.
    public let time: Timestamp
    /// Which log the sequence counts in: 16 bits of the moment at which its stream was created.
    public let epoch: UInt16
    /// The place in the log; 0 is before the first event.
    public let sequence: UInt64

    /// Creates a cursor. A time that does not fit in 48 bits is moved to the nearest one that does.
    public init(time: Timestamp, epoch: UInt16, sequence: UInt64) {
        self.time = Timestamp(millisecondsSinceEpoch: Int64(ULID.milliseconds(of: time)))
        self.epoch = epoch
        self.sequence = sequence
    }

    /// The highest sequence that a cursor from outside may name: above it there is room for any arithmetic.
    static let maximumSequence = UInt64(Int64.max)

    /// Parses ``text``. Anything but that exact form, lower case included, is nil; so is a sequence above 2^63−1, which no log reaches.
    public init?(_ text: some StringProtocol) {
        let bytes = String(text).utf8
        guard bytes.starts(with: "evt_".utf8), let value = CrockfordBase32.decode(bytes.dropFirst(4)),
            UInt64(truncatingIfNeeded: value) <= Self.maximumSequence
        else { return nil }
        time = Timestamp(millisecondsSinceEpoch: Int64(value >> 80))
        epoch = UInt16(truncatingIfNeeded: value >> 64)
        sequence = UInt64(truncatingIfNeeded: value)
    }

    /// `evt_` and 26 characters of Crockford base 32.
    public var text: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(30)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    public var description: String { text }

    /// The place behind this one, with the same time.
    public var next: Cursor { Cursor(time: time, epoch: epoch, sequence: min(sequence, Self.maximumSequence) + 1) }

    public static func == (left: Cursor, right: Cursor) -> Bool {
        left.epoch == right.epoch && left.sequence == right.sequence
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(epoch)
        hasher.combine(sequence)
    }

    /// Order within one epoch; between epochs it is a fixed order without meaning.
    public static func < (left: Cursor, right: Cursor) -> Bool {
        (left.epoch, left.sequence) < (right.epoch, right.sequence)
    }

    /// Appends ``text`` without making a string.
    func append(to out: inout [UInt8]) {
        out.append("evt_")
        CrockfordBase32.append(
            UInt128(UInt64(time.millisecondsSinceEpoch)) << 80 | UInt128(epoch) << 64 | UInt128(sequence),
            to: &out
        )
    }
}
