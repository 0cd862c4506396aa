import Basics
import Synchronization

/// Bounds the attempts that are under way, so that neither a tenant nor a host takes all of them. Any thread.
final class AttemptPlaces: Sendable {
    private struct Key: Hashable {
        var tenant: Tenant?
        var origin: String?
        var isTest = false
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
    /// - Parameters:
    ///   - origin: scheme, host and port.
    ///   - isTest: whether an administrator asked for the attempt.
    /// - Returns: false when the process, the tenant, the host, or the tenant at this host has as many attempts as it may have, or the process or the
    ///   tenant as many tests.
    func take(_ tenant: Tenant, _ origin: String, isTest: Bool = false) -> Bool {
        let wanted = bounds(tenant, origin, isTest)
        return counts.withLock { counts in
            guard wanted.allSatisfy({ counts[$0.key, default: 0] < $0.limit }) else { return false }
            for bound in wanted { counts[bound.key, default: 0] += 1 }
            return true
        }
    }

    /// Returns a place that ``take(_:_:isTest:)`` gave.
    func giveBack(_ tenant: Tenant, _ origin: String, isTest: Bool = false) {
        counts.withLock { counts in
            for bound in bounds(tenant, origin, isTest) {
                let left = counts[bound.key, default: 0] - 1
                counts[bound.key] = left > 0 ? left : nil
            }
        }
    }

    private func bounds(_ tenant: Tenant, _ origin: String, _ isTest: Bool) -> [(key: Key, limit: Int)] {
        var bounds = [
            (key: Key(), limit: limits.attempts), (Key(tenant: tenant), limits.attemptsPerTenant),
            (Key(origin: origin), limits.attemptsPerHost), (Key(tenant: tenant, origin: origin), limits.attemptsPerTenantAndHost),
        ]
        if isTest {
            bounds += [(Key(isTest: true), limits.tests), (Key(tenant: tenant, isTest: true), limits.testsPerTenant)]
        }
        return bounds
    }
}
