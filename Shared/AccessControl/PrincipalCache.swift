import Crypto
import Synchronization

/// Caches verified tokens by the SHA-256 of their bytes; the tokens themselves are not kept.
///
/// Bounded; approximates least-recently-used with two generations: entries go into the young one; when it is full it becomes the old one, and
/// entries used again move over. An entry ends with its token, and with the keys that verified it.
final class PrincipalCache: Sendable {
    private struct State {
        var keyGeneration: UInt64 = 0
        var young: [SHA256Digest: ClaimRules.Accepted] = [:]
        var old: [SHA256Digest: ClaimRules.Accepted] = [:]
    }

    private let halfCapacity: Int
    private let state = Mutex(State())

    /// Creates a cache of about `capacity` entries; 0 disables it.
    init(capacity: Int) {
        halfCapacity = max(0, capacity) / 2
    }

    /// Returns the principal that this generation of keys verified, if it is valid at `now` (milliseconds since 1970 UTC).
    func principal(for digest: SHA256Digest, keyGeneration: UInt64, at now: Int64) -> Principal? {
        state.withLock { state in
            guard state.keyGeneration == keyGeneration else { return nil }
            if let entry = state.young[digest] { return now < entry.expiry ? entry.principal : nil }
            guard let entry = state.old[digest], now < entry.expiry else { return nil }
            add(entry, digest, to: &state)
            return entry.principal
        }
    }

    /// Stores a verified principal. The first entry of a newer generation removes all older ones; an entry of an older generation is ignored.
    func insert(_ accepted: ClaimRules.Accepted, for digest: SHA256Digest, keyGeneration: UInt64) {
        state.withLock { state in
            guard state.keyGeneration <= keyGeneration else { return }
            if state.keyGeneration < keyGeneration { state = State(keyGeneration: keyGeneration) }
            add(accepted, digest, to: &state)
        }
    }

    /// Number of entries, expired ones included.
    var count: Int {
        state.withLock { state in state.young.count + state.old.keys.count { state.young[$0] == nil } }
    }

    private func add(_ entry: ClaimRules.Accepted, _ digest: SHA256Digest, to state: inout State) {
        guard halfCapacity > 0 else { return }
        if state.young.count >= halfCapacity {
            state.old = state.young
            state.young = [:]
        }
        state.young[digest] = entry
    }
}
