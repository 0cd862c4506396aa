import Basics
import Crypto
import HTTPAPI

/// Derives the id of a decision's event.
///
/// With an `Idempotency-Key` it is deterministic: the same request has the same id on every replica and at any time, so the log itself recognises the
/// request's own decision, and no other state is needed. Without a key it is new.
enum DecisionID {
    /// Returns the id: `idem_`, a hash of key, tenant, user and approval, `_`, and a hash of action and reason.
    ///
    /// - Parameters:
    ///   - key: the request's `Idempotency-Key`.
    ///   - viewer: The key's owner; keys of different people are different.
    ///   - action, reason: The requested decision; another one is another request.
    static func make(
        key: IdempotencyKey?,
        of viewer: Viewer,
        approvalID: ApprovalID,
        action: DecisionAction,
        reason: String?,
        now: Timestamp
    ) -> EventID {
        guard let key else {
            return EventID(generated: "dec_" + ULID.generate(time: now))
        }
        let request = digest([approvalID.text, action.rawValue, reason ?? "", reason == nil ? "0" : "1"])
        return EventID(generated: prefix(key: key, of: viewer) + request)
    }

    /// The common prefix of the ids of all decisions under a key.
    static func prefix(key: IdempotencyKey, of viewer: Viewer) -> String {
        "idem_\(digest([key.text, viewer.tenant.text, viewer.user.text]))_"
    }

    private static func digest(_ parts: [String]) -> String {
        var hash = SHA256()
        // Length-prefixed, so that different parts cannot yield the same input.
        for part in parts {
            hash.update(data: Array("\(part.utf8.count):".utf8))
            hash.update(data: Array(part.utf8))
        }
        return Hexadecimal.lowercase(Array(hash.finalize().prefix(20)))
    }
}
