import Basics
import EdgeRuntime
import ServiceKit

extension Edge {
    /// Returns the tenant's use of the places for streams. Any thread.
    func connectionsUse(of tenant: Tenant) -> ShareUse {
        .places("connections", taken: connectionCount(of: tenant), limit: configuration.maxConnectionsPerTenant)
    }
}
