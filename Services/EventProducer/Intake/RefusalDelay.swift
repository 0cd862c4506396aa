import Basics
import Synchronization

/// Delays the refusals of senders that retry before `Retry-After` has passed (contract §10, "Shares"). Any thread.
///
/// A refusal may cost as much as an acceptance: the body is read and parsed before the tenants of its events are known. A sender that
/// retries at once would use up the intake's processor time without a single event. Its refusals are therefore delayed to one a second on
/// each of its connections. An admitted request is never delayed.
final class RefusalDelay: Sendable {
    /// The delay of a refusal.
    static let delay: Duration = .seconds(1)
    /// Maximum number of senders in the table; refusals of further ones are not delayed.
    static let maximumCount = 10_000

    private let now: @Sendable () -> Duration
    /// The end of each sender's `Retry-After`.
    private let retryAt = Mutex<[Tenant: Duration]>([:])

    /// - Parameter now: the time since any fixed moment.
    init(now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.now = now
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
            return isEarly ? Self.delay : .zero
        }
    }
}
