import Basics
import Synchronization

/// Delays the refusals of senders that retry before `Retry-After` has passed (contract §10, "Shares"). Any thread.
///
/// A refusal may cost as much as an acceptance: the body is read and parsed before the tenants of its events are known. A sender that
/// retries at once would use up the intake's processor time without a single event. Its refusals are therefore delayed to at most one a second
/// on each of its connections. An admitted request is never delayed.
///
/// Delays are random. Equal ones would bring a sender's connections back at the same moment, when its share has room for a batch of each: every
/// process would get all of these batches at once, and other tenants' events behind them.
final class RefusalDelay: Sendable {
    /// The range of delays.
    static let delays: ClosedRange<Duration> = .seconds(1) ... .seconds(2)
    /// Maximum number of senders in the table; refusals of further ones are not delayed.
    static let maximumCount = 10_000

    private let now: @Sendable () -> Duration
    private let random: @Sendable () -> Double
    /// The end of each sender's `Retry-After`.
    private let retryAt = Mutex<[Tenant: Duration]>([:])

    /// - Parameters:
    ///   - now: the time since any fixed moment.
    ///   - random: returns the place of the next delay in the range, from 0 to 1.
    init(
        now: @escaping @Sendable () -> Duration = SteadyTime.now,
        random: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.now = now
        self.random = random
    }

    /// Records a refusal, and returns the delay of its answer.
    ///
    /// - Parameters:
    ///   - sender: the tenant of the sender's token.
    ///   - seconds: the refusal's `Retry-After`.
    func delay(for sender: Tenant, retryAfter seconds: Int) -> Duration {
        let time = now()
        return retryAt.withLock { retryAt in
            if retryAt[sender] == nil, retryAt.count >= Self.maximumCount {
                retryAt = retryAt.filter { $0.value > time }
                guard retryAt.count < Self.maximumCount else { return .zero }
            }
            let isEarly = retryAt[sender].map { $0 > time } ?? false
            retryAt[sender] = time + .seconds(seconds)
            guard isEarly else { return .zero }
            return Self.delays.lowerBound + (Self.delays.upperBound - Self.delays.lowerBound) * random()
        }
    }
}
