import Basics
import Synchronization

/// Lets one large piece of a tenant's be sent at a time, and all of them at a constant rate. Any thread.
///
/// Large pieces are batches, and messages above ``EventLog/largeMessageBytes``: what other tenants send waits for them on the bus.
final class PacedSends: Sendable {
    /// Above this number of tenants, those that may send again are forgotten.
    private static let kept = 256

    private let bytesPerSecond: Int
    private let turns = TenantTurns(limit: 1)
    /// When a tenant may send again.
    private let next = Mutex<[Tenant: ContinuousClock.Instant]>([:])

    /// - Parameter bytesPerSecond: the rate of a tenant.
    init(bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

    /// Runs `send` in the tenant's turn, as soon as its pace allows. A cancelled task does not wait for the pace.
    ///
    /// - Parameters:
    ///   - bytes: what `send` sends.
    ///   - send: one attempt, bounded in time: the tenant's other pieces wait for its end.
    /// - Throws: ``EventLogError/Code/busy`` when the turn comes after the deadline; what `send` throws.
    func run<Answer: Sendable>(
        _ bytes: Int,
        of tenant: Tenant,
        until deadline: ContinuousClock.Instant,
        _ send: () async throws(EventLogError) -> Answer
    ) async throws(EventLogError) -> Answer {
        try await turns.run(for: tenant) { () async throws(EventLogError) in
            if let next = next.withLock({ $0[tenant] }), next > .now { try? await Task.sleep(until: min(next, deadline)) }
            guard ContinuousClock.now < deadline else {
                throw EventLogError(code: .busy, message: "Other events of the tenant took all the time. Try again.")
            }
            note(bytes, of: tenant)
            return try await send()
        }
    }

    private func note(_ bytes: Int, of tenant: Tenant) {
        let now = ContinuousClock.now
        next.withLock { next in
            if next.count > Self.kept { next = next.filter { $0.value > now } }
            next[tenant] = now.advanced(by: .nanoseconds(bytes * 1_000_000_000 / bytesPerSecond))
        }
    }
}
