import Basics
import Synchronization

/// Limits the rate at which a listener reads bodies that nobody wants: what a client goes on to send behind the end of its answer.
///
/// Such a body has to be read, or the client may lose the answer (RFC 9112 §9.6), and its sender may be anybody. All connections together have a burst
/// and a rate; beyond them their next pieces wait, and the kernel's window holds the clients up. Any thread.
package final class ReadPastBudget: Sendable {
    /// Bytes a second in the long run: reading takes about 1 % of a core for 4 MiB/s.
    package static let bytesPerSecond = 16 << 20
    /// Bytes at once: refused requests of the largest size, one after another, as clients send them that do nothing wrong.
    package static let burstBytes = 64 << 20
    /// Time after which a connection that waits asks again.
    package static let pause: Duration = .milliseconds(50)

    private let bucket: Mutex<TokenBucket>
    private let now: @Sendable () -> Duration

    /// - Parameters:
    ///   - burstBytes: Size of the burst.
    ///   - bytesPerSecond: The rate.
    ///   - now: the time since any fixed moment.
    package init(
        burstBytes: Int = ReadPastBudget.burstBytes,
        bytesPerSecond: Int = ReadPastBudget.bytesPerSecond,
        now: @escaping @Sendable () -> Duration = SteadyTime.now
    ) {
        bucket = Mutex(TokenBucket(capacity: Double(burstBytes), perSecond: Double(bytesPerSecond), at: now()))
        self.now = now
    }

    /// Whether the next piece may be read now.
    package var isLeft: Bool { bucket.withLock { $0.allows(1, at: now()) } }

    /// Counts bytes that were read.
    package func charge(_ bytes: Int) { bucket.withLock { $0.charge(Double(bytes), at: now()) } }
}
