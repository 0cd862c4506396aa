/// Generates unique ids that sort by time: 48 bits of milliseconds and 80 random bits, in 26 characters (<https://github.com/ulid/spec>). For
/// requests, connections and subscriptions; events have ``Cursor``s.
public enum ULID {
    /// Generates an id. The caller supplies the generator, for repeatable tests.
    ///
    /// Clamps the time to 48 bits: 1970 to 10889.
    public static func generate(time: Timestamp, using generator: inout some RandomNumberGenerator) -> String {
        let random = UInt128(UInt16(truncatingIfNeeded: generator.next())) << 64 | UInt128(generator.next())
        return CrockfordBase32.text(UInt128(milliseconds(of: time)) << 80 | random)
    }

    /// Generates an id that cannot be guessed.
    public static func generate(time: Timestamp = .now) -> String {
        var generator = SharedRandomNumberGenerator()
        return generate(time: time, using: &generator)
    }

    /// The time clamped to 48 bits.
    package static func milliseconds(of time: Timestamp) -> UInt64 {
        UInt64(min(max(time.millisecondsSinceEpoch, 0), 0xFFFF_FFFF_FFFF))
    }
}
