import Basics

/// Computes the log's epoch: 16 bits of its stream's creation time (contract §3).
enum LogEpoch {
    /// Returns the epoch; equal in every process that sees the same stream.
    ///
    /// Mixes the nanoseconds (SplitMix64 finaliser), because a clock may tick in steps whose low bits never change. Two streams collide with a
    /// probability of 1 in 65,536.
    static func epoch(createdAt nanosecondsSinceEpoch: UInt64) -> UInt16 {
        UInt16(truncatingIfNeeded: SplitMix64.mixed(nanosecondsSinceEpoch) >> 48)
    }
}
