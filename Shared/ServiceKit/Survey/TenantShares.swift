package import Basics
import Synchronization

/// The shares that a process limits, so that a tenant's usage of all of them can be reported. Any thread.
package final class TenantShares: Sendable {
    /// Returns a tenant's use of one share. Called on any thread; must not block.
    package typealias Share = @Sendable (Tenant) -> ShareUse

    private let shares = Mutex<[Share]>([])

    /// Creates a process's list without shares.
    package init() {}

    /// Adds a share, for the rest of the process's lifetime.
    package func add(_ share: @escaping Share) {
        self.shares.withLock { $0.append(share) }
    }

    /// Returns the tenant's use of each share, in the order in which they were added.
    package func uses(of tenant: Tenant) -> [ShareUse] {
        self.shares.withLock { $0 }.map { $0(tenant) }
    }
}
