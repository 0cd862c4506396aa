import Basics
import Synchronization

/// Limits the rate at which a listener discards request bodies: the bytes that a client sends after its response has ended.
///
/// They must be read, or the client may lose the response (RFC 9112 §9.6), even from unauthenticated clients. All connections share one
/// token bucket. When it is empty, further reads wait, and the TCP window stops the clients. Any thread.
package final class ReadPastBudget: Sendable {
    /// Rate in bytes per second: discarding 4 MiB/s takes about 1 % of a core.
    package static let bytesPerSecond = 16 << 20
    /// Burst in bytes: several refused requests of the largest size, as correct clients send them.
    package static let burstBytes = 64 << 20
    /// Retry interval of a connection whose read waits.
    package static let pause: Duration = .milliseconds(50)

    private let bucket: Mutex<TokenBucket>
    private let now: @Sendable () -> Duration

    /// - Parameters:
    ///   - burstBytes: the burst.
    ///   - bytesPerSecond: the rate.
    ///   - now: the time since any fixed moment.
    package init(
        burstBytes: Int = ReadPastBudget.burstBytes,
        bytesPerSecond: Int = ReadPastBudget.bytesPerSecond,
        now: @escaping @Sendable () -> Duration = SteadyTime.now
    ) {
        bucket = Mutex(TokenBucket(capacity: Double(burstBytes), perSecond: Double(bytesPerSecond), at: now()))
        self.now = now
    }

    /// Whether a read is allowed now.
    package var isLeft: Bool { bucket.withLock { $0.allows(1, at: now()) } }

    /// Charges bytes that were read.
    package func charge(_ bytes: Int) { bucket.withLock { $0.charge(Double(bytes), at: now()) } }
}
