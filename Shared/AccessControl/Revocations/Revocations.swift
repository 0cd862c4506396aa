public import Basics
import Synchronization

/// The revoked tokens that this process knows of (contract §13).
///
/// Read on every verification, also of a cached token. Bounded by its entries, which end with the last token that they can concern. Any thread.
public final class Revocations: Sendable {
    private struct TenantEntries {
        /// By `jti`: when the entry ends.
        var tokens: [TokenID: Int64] = [:]
        var users: [UserID: Cutoff] = [:]

        var count: Int { tokens.count + users.count }

        /// Returns whether the entries changed.
        mutating func add(_ revocation: Revocation) -> Bool {
            switch revocation.target {
            case .token(let id):
                let known = tokens[id]
                tokens[id] = max(known ?? .min, revocation.expiresAt)
                return known != tokens[id]
            case .user(let user, let issuedBefore):
                let known = users[user]
                users[user] = Cutoff(
                    issuedBefore: max(known?.issuedBefore ?? .min, issuedBefore),
                    expiresAt: max(known?.expiresAt ?? .min, revocation.expiresAt)
                )
                return known != users[user]
            }
        }
    }

    /// The user's tokens issued before a time are revoked.
    private struct Cutoff: Equatable {
        var issuedBefore: Int64
        var expiresAt: Int64
    }

    private let entries = Mutex<[Tenant: TenantEntries]>([:])
    private let entryCount = Atomic<Int>(0)
    private let seenCount = Atomic<Int>(0)
    private let wasRead: Atomic<Bool>

    /// Creates an empty set.
    ///
    /// - Parameter isRead: whether it is complete; false for a set that a follower fills and then marks with ``markRead()``.
    public init(isRead: Bool) {
        wasRead = Atomic(isRead)
    }

    /// Whether all revocations that were stored before the process started are known. Stays true while the bus is away.
    public var isRead: Bool { wasRead.load(ordering: .acquiring) }

    /// Records that the stored revocations have been read once.
    public func markRead() { wasRead.store(true, ordering: .releasing) }

    /// Number of entries, expired ones included until ``removeExpired(at:)``.
    public var count: Int { entryCount.load(ordering: .acquiring) }

    /// Number of revocations that changed the set so far.
    public var seen: Int { seenCount.load(ordering: .relaxed) }

    /// Adds a revocation. Verifications that begin after this returns respect it.
    ///
    /// Several revocations of a user become one that concerns at least the same tokens for at least as long.
    /// - Returns: whether it changed the set.
    @discardableResult
    public func add(_ revocation: Revocation) -> Bool {
        entries.withLock { entries in
            let before = entries[revocation.tenant]?.count ?? 0
            let isNew = entries[revocation.tenant, default: TenantEntries()].add(revocation)
            let after = entries[revocation.tenant]?.count ?? 0
            entryCount.wrappingAdd(after - before, ordering: .acquiringAndReleasing)
            if isNew { seenCount.wrappingAdd(1, ordering: .relaxed) }
            return isNew
        }
    }

    /// Returns whether a token is revoked at `now`, in milliseconds since 1970 UTC. Costs one atomic load while the set is empty, else a lock and two
    /// look-ups.
    public func concern(_ principal: Principal, at now: Int64) -> Bool {
        guard count > 0 else { return false }
        return entries.withLock { entries in
            guard let tenant = entries[principal.tenant] else { return false }
            if let id = principal.tokenID, let end = tenant.tokens[id], now < end { return true }
            guard let cutoff = tenant.users[principal.user], now < cutoff.expiresAt else { return false }
            return (principal.issuedAt ?? .min) < cutoff.issuedBefore
        }
    }

    /// Returns whether there is an entry for the same `jti` or user, which a further revocation would extend.
    public func hasEntry(for revocation: Revocation) -> Bool {
        entries.withLock { entries in
            switch revocation.target {
            case .token(let id): entries[revocation.tenant]?.tokens[id] != nil
            case .user(let user, _): entries[revocation.tenant]?.users[user] != nil
            }
        }
    }

    /// Returns whether the entries concern all tokens that a revocation concerns, for at least as long, so that adding it changes nothing.
    public func cover(_ revocation: Revocation) -> Bool {
        entries.withLock { entries in
            guard let tenant = entries[revocation.tenant] else { return false }
            switch revocation.target {
            case .token(let id): return tenant.tokens[id].map { $0 >= revocation.expiresAt } ?? false
            case .user(let user, let issuedBefore):
                return tenant.users[user].map { $0.issuedBefore >= issuedBefore && $0.expiresAt >= revocation.expiresAt } ?? false
            }
        }
    }

    /// Number of the tenant's entries, expired ones included until ``removeExpired(at:)``.
    public func count(of tenant: Tenant) -> Int { entries.withLock { $0[tenant]?.count ?? 0 } }

    /// Returns the tenant's first `limit` entries that have not expired at `now`, in milliseconds since 1970 UTC, in the order of their places.
    ///
    /// - Parameter place: only entries behind it; nil for all.
    public func list(of tenant: Tenant, behind place: RevocationPlace? = nil, limit: Int = .max, at now: Int64) -> [Revocation] {
        // A copy, so that no verification waits meanwhile.
        guard let found = entries.withLock({ $0[tenant] }) else { return [] }
        var first = SmallestPlaces(limit: limit)
        for (id, expiresAt) in found.tokens where now < expiresAt { first.insert(.token(id), behind: place) }
        for (user, cutoff) in found.users where now < cutoff.expiresAt { first.insert(.user(user), behind: place) }
        return first.places.compactMap { place in
            switch place {
            case .token(let id): return found.tokens[id].map { Revocation(tenant: tenant, target: .token(id), expiresAt: $0) }
            case .user(let user):
                return found.users[user].map {
                    Revocation(tenant: tenant, target: .user(user, issuedBefore: $0.issuedBefore), expiresAt: $0.expiresAt)
                }
            }
        }
    }

    /// Removes the entries that have expired at `now`, in milliseconds since 1970 UTC. Takes time in proportion to the set, most of it without the
    /// lock that verifications need.
    public func removeExpired(at now: Int64) {
        for (tenant, tokens, users) in expired(at: now) {
            entries.withLock { entries in
                guard var left = entries.removeValue(forKey: tenant) else { return }
                let before = left.count
                // Some may have been extended meanwhile.
                for id in tokens where left.tokens[id].map({ $0 <= now }) ?? false { left.tokens[id] = nil }
                for user in users where left.users[user].map({ $0.expiresAt <= now }) ?? false { left.users[user] = nil }
                if left.count > 0 { entries[tenant] = left }
                entryCount.wrappingAdd(left.count - before, ordering: .acquiringAndReleasing)
            }
        }
    }

    private func expired(at now: Int64) -> [(Tenant, [TokenID], [UserID])] {
        let all = entries.withLock { $0 }
        return all.compactMap { tenant, entries in
            let tokens = entries.tokens.compactMap { $1 <= now ? $0 : nil }
            let users = entries.users.compactMap { $1.expiresAt <= now ? $0 : nil }
            return tokens.isEmpty && users.isEmpty ? nil : (tenant, tokens, users)
        }
    }
}
