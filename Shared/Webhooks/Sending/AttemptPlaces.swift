import Basics
import Synchronization

/// Bounds the attempts that are under way, so that neither a tenant nor a host takes all of them. Any thread.
final class AttemptPlaces: Sendable {
    private struct Key: Hashable {
        var tenant: Tenant?
        var origin: String?
    }

    private let limits: WebhookSenderConfiguration.Limits
    private let counts = Mutex<[Key: Int]>([:])

    init(_ limits: WebhookSenderConfiguration.Limits) {
        self.limits = limits
    }

    /// Number of attempts under way.
    var count: Int { counts.withLock { $0[Key()] ?? 0 } }

    /// Takes a place.
    ///
    /// - Parameter origin: scheme, host and port.
    /// - Returns: false when the process, the tenant, the host, or the tenant at this host has as many as it may have.
    func take(_ tenant: Tenant, _ origin: String) -> Bool {
        let wanted = bounds(tenant, origin)
        return counts.withLock { counts in
            guard wanted.allSatisfy({ counts[$0.key, default: 0] < $0.limit }) else { return false }
            for bound in wanted { counts[bound.key, default: 0] += 1 }
            return true
        }
    }

    /// Returns a place that ``take(_:_:)`` gave.
    func giveBack(_ tenant: Tenant, _ origin: String) {
        counts.withLock { counts in
            for bound in bounds(tenant, origin) {
                let left = counts[bound.key, default: 0] - 1
                counts[bound.key] = left > 0 ? left : nil
            }
        }
    }

    private func bounds(_ tenant: Tenant, _ origin: String) -> [(key: Key, limit: Int)] {
        [
            (Key(), limits.attempts), (Key(tenant: tenant), limits.attemptsPerTenant), (Key(origin: origin), limits.attemptsPerHost),
            (Key(tenant: tenant, origin: origin), limits.attemptsPerTenantAndHost),
        ]
    }
}
