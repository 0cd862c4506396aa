import Basics
import Synchronization

/// Single-flight of the reading of all endpoints of a tenant (``SingleFlight``): that takes a request to the bus and a parsed record for each endpoint, so a
/// tenant that asks again and again has one under way. Never returns a list that was requested before the caller asked. Any thread.
final class EndpointLists: Sendable {
    private typealias Flight = SingleFlight<[EndpointStore.Stored]>

    private struct Entry {
        let flight: Flight
        var callers = 0
    }

    private let read: @Sendable (Tenant) async throws -> [EndpointStore.Stored]
    /// Of tenants with callers.
    private let entries = Mutex<[Tenant: Entry]>([:])

    /// - Parameter read: reads a tenant's endpoints.
    init(_ read: @escaping @Sendable (Tenant) async throws -> [EndpointStore.Stored]) {
        self.read = read
    }

    /// Number of tenants whose endpoints are being read.
    var count: Int { entries.withLock { $0.count } }

    /// Returns the endpoints of a tenant.
    ///
    /// - Throws: the reader's errors.
    func endpoints(of tenant: Tenant) async throws -> [EndpointStore.Stored] {
        let flight = enter(tenant)
        defer { leave(tenant) }
        // A caller stays when it is cancelled: without callers nothing is read, so a tenant has one flight.
        return try await Task { try await flight.value() }.value
    }

    private func enter(_ tenant: Tenant) -> Flight {
        entries.withLock { entries in
            var entry = entries[tenant] ?? Entry(flight: Flight { [read] in try await read(tenant) })
            entry.callers += 1
            entries[tenant] = entry
            return entry.flight
        }
    }

    private func leave(_ tenant: Tenant) {
        entries.withLock { entries in
            entries[tenant]?.callers -= 1
            if entries[tenant]?.callers == 0 { entries[tenant] = nil }
        }
    }
}
