import Basics
import Crypto
import HTTPAPI

/// The id of the event that a request to decide would make.
///
/// With an `Idempotency-Key` it is made of the request, so that the same request has the same id at every replica and at any later time: the
/// log itself then knows the decision for the request's own, and nothing else has to be remembered. Without one it is new.
enum DecisionID {
    /// The id for one request: `idem_`, a hash of key, tenant, user and approval, `_`, and a hash of action and reason.
    ///
    /// - Parameters:
    ///   - key: the request's `Idempotency-Key`.
    ///   - viewer: whose key it is: another person's key is another key.
    ///   - action, reason: what the request asks for: with another answer it is another request.
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

    /// What the ids of all decisions begin with that were made under a key.
    static func prefix(key: IdempotencyKey, of viewer: Viewer) -> String {
        "idem_\(digest([key.text, viewer.tenant.text, viewer.user.text]))_"
    }

    private static func digest(_ parts: [String]) -> String {
        var hash = SHA256()
        // Lengths before the texts, so that the parts cannot run into each other whatever is in them.
        for part in parts {
            hash.update(data: Array("\(part.utf8.count):".utf8))
            hash.update(data: Array(part.utf8))
        }
        return Hexadecimal.lowercase(hash.finalize().prefix(20))
    }
}
