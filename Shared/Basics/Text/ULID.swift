/// Ids that sort by time and collide practically never: 48 bits of milliseconds and 80 random bits, in 26 characters
/// (<https://github.com/ulid/spec>). Used for requests, connections and subscriptions; the ids of events are ``Cursor``s.
public enum ULID {
    /// A new id. The generator is the caller's, so that a test can repeat what it drew.
    ///
    /// A time before 1970 or after the year 10889 is moved to the nearest one that fits in 48 bits.
    public static func generate(time: Timestamp, using generator: inout some RandomNumberGenerator) -> String {
        let random = UInt128(UInt16.random(in: .min ... .max, using: &generator)) << 64 | UInt128(generator.next())
        var bytes: [UInt8] = []
        bytes.reserveCapacity(CrockfordBase32.length)
        CrockfordBase32.append(UInt128(milliseconds(of: time)) << 80 | random, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A new id that nobody can guess.
    public static func generate(time: Timestamp = .now) -> String {
        var generator = SystemRandomNumberGenerator()
        return generate(time: time, using: &generator)
    }

    /// The 48 bits of time that a ULID can carry.
    package static func milliseconds(of time: Timestamp) -> UInt64 {
        UInt64(min(max(time.millisecondsSinceEpoch, 0), 0xFFFF_FFFF_FFFF))
    }
}
