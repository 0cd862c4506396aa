import AccessControl
import Basics
import EventLog
import HTTPAPI
import Logging
import ServiceKit

/// Stores revocations, and lists those that any process has stored. Any task.
struct RevocationService: Sendable {
    /// Maximum number of revocations in force of a tenant: each takes space in the stream of all tenants and in the memory of every
    /// process.
    private static let perTenant = 20_000

    private let stream: RevocationStream
    /// Fills this process's set from the stream.
    private let follower: RevocationFollower
    private let bounds: SingleFlight<SideStreamBounds>
    private let timeout: Duration

    /// - Parameter timeout: Time limit for storing one, and for waiting until the set has what others stored.
    init(stream: RevocationStream, follower: RevocationFollower, timeout: Duration) {
        self.stream = stream
        self.follower = follower
        self.timeout = timeout
        let followed = stream.followed
        bounds = SingleFlight { try await followed.bounds() }
    }

    /// The revocations that are stored, and that this process respects.
    var known: Revocations { follower.revocations }

    /// Stores a revocation. When this returns, it is durable, and this process refuses the tokens.
    ///
    /// - Returns: the stored revocation, merged with an earlier one of the same user or `jti`.
    /// - Throws: `conflict` beyond the tenant's limit; `service_unavailable`; `internal`.
    func store(_ revocation: Revocation, logger: Logger) async throws -> Revocation {
        guard known.count(of: revocation.tenant) < Self.perTenant || known.hasEntry(for: revocation) else {
            throw APIError.conflict(
                "The tenant has \(Self.perTenant) revocations in force: revoke all earlier tokens of a user by sub instead."
            )
        }
        let stored: Revocation
        do {
            stored = try await stream.store(revocation, within: timeout)
        } catch let error as EventLogError {
            logger.warning("a revocation was not stored", metadata: [LogKey.error: "\(error)"])
            throw Unavailable.because(error)
        }
        // Effective here at once: this process receives its own message later.
        known.add(stored)
        return stored
    }

    /// Returns the tenant's first `limit` revocations behind a place that are in force at `now`, in milliseconds since 1970 UTC, among them all that were
    /// stored before this was called.
    ///
    /// - Throws: `service_unavailable`.
    func list(of tenant: Tenant, behind place: RevocationPlace?, limit: Int, at now: Int64) async throws -> [Revocation] {
        try await reachEnd()
        return known.list(of: tenant, behind: place, limit: limit, at: now)
    }

    /// Read-your-writes barrier, as ``ReadBarrier`` is for the read model, which has no part in revocations.
    private func reachEnd() async throws {
        let position = follower.position.position
        let end: UInt64
        do {
            end = try await bounds.value().last
        } catch let error as EventLogError {
            throw Unavailable.because(error)
        }
        // A stream that was created again is about to be read from its beginning.
        guard position <= end else { throw Unavailable.catchingUp }
        guard await follower.position.wait(for: end, atMost: timeout) else {
            try Task.checkCancellation()
            throw Unavailable.catchingUp
        }
    }
}
