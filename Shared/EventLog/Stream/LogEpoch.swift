import Basics

/// Which life of the log a sequence counts in: 16 bits of the moment at which its stream was created (contract §3).
enum LogEpoch {
    /// The same in every process that sees the same stream.
    ///
    /// The nanoseconds are mixed (the finaliser of SplitMix64), because a server's clock may tick in steps whose low bits are always the
    /// same. Two streams share an epoch by a chance of 1 in 65,536.
    static func epoch(createdAt nanosecondsSinceEpoch: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: SplitMix64.mixed(nanosecondsSinceEpoch) >> 48)
    }
}
