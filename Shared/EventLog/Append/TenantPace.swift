import Basics
import Synchronization

/// Spreads what each tenant sends over time, at a constant rate. Any thread.
final class TenantPace: Sendable {
    /// Above this number of tenants, those that may send again are forgotten.
    private static let kept = 256

    private let bytesPerSecond: Int
    /// When a tenant may send again.
    private let next = Mutex<[Tenant: ContinuousClock.Instant]>([:])

    init(bytesPerSecond: Int) { self.bytesPerSecond = bytesPerSecond }

    /// Waits until the tenant may send, or until the deadline. A cancelled task does not wait.
    func wait(for tenant: Tenant, until deadline: ContinuousClock.Instant) async {
        guard let next = next.withLock({ $0[tenant] }), next > .now else { return }
        try? await Task.sleep(until: min(next, deadline))
    }

    /// Records that the tenant sends that many bytes now.
    func sent(_ bytes: Int, of tenant: Tenant) {
        let now = ContinuousClock.now
        next.withLock { next in
            if next.count > Self.kept { next = next.filter { $0.value > now } }
            next[tenant] = now.advanced(by: .nanoseconds(bytes * 1_000_000_000 / bytesPerSecond))
        }
    }
}
