import Crypto
import Synchronization

/// Tokens that have been verified, by the SHA-256 of their bytes; the tokens themselves are not kept.
///
/// Bounded, and close to least-recently-used at the cost of two dictionaries: entries are added to a young generation; when that
/// is full it becomes the old one, and what is used again comes over. An entry ends with its token, and with the keys that
/// verified it.
final class PrincipalCache: Sendable {
    private struct State {
        var keyGeneration: UInt64 = 0
        var young: [SHA256Digest: ClaimRules.Accepted] = [:]
        var old: [SHA256Digest: ClaimRules.Accepted] = [:]
    }

    private let halfCapacity: Int
    private let state = Mutex(State())

    /// Keeps about `capacity` entries; 0 keeps none.
    init(capacity: Int) {
        halfCapacity = max(0, capacity) / 2
    }

    /// The principal that keys of this generation have verified, if it is one at `now` (milliseconds since 1970 UTC).
    func principal(for digest: SHA256Digest, keyGeneration: UInt64, at now: Int64) -> Principal? {
        state.withLock { state in
            guard state.keyGeneration == keyGeneration else { return nil }
            if let entry = state.young[digest] { return now < entry.expiry ? entry.principal : nil }
            guard let entry = state.old[digest], now < entry.expiry else { return nil }
            add(entry, digest, to: &state)
            return entry.principal
        }
    }

    /// Remembers what keys of this generation have verified. The first entry of a later generation drops all of the former ones;
    /// one of a former generation comes too late and is not kept.
    func insert(_ accepted: ClaimRules.Accepted, for digest: SHA256Digest, keyGeneration: UInt64) {
        state.withLock { state in
            guard state.keyGeneration <= keyGeneration else { return }
            if state.keyGeneration < keyGeneration { state = State(keyGeneration: keyGeneration) }
            add(accepted, digest, to: &state)
        }
    }

    /// How many entries there are, expired ones included.
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
