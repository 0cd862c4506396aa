import Basics
import Crypto
import EventModel
import HTTPAPI

/// Derives the id of a decision's event.
///
/// With an `Idempotency-Key` it is deterministic: the same request has the same id on every replica and at any time, so the log itself recognises the
/// request's own decision, and no other state is needed. Without a key it is new.
enum DecisionID {
    /// Returns the id: `idem_`, a hash of key, tenant, user and approval, `_`, and a hash of the rest of the request.
    ///
    /// - Parameters:
    ///   - viewer: The key's owner; keys of different people are different.
    ///   - request: The requested decision or vote; another one is another request.
    static func make(_ request: DecisionService.Request, of viewer: Viewer, now: Timestamp) -> EventID {
        guard let key = request.idempotencyKey else { return new(now: now) }
        let optional = [request.reason, request.onBehalfOf?.text, request.actionDigest?.text]
        let parts = [request.approvalID.text, request.action.rawValue] + optional.flatMap { [$0 ?? "", $0 == nil ? "0" : "1"] }
        return EventID(generated: prefix(key: key, of: viewer) + digest(parts))
    }

    /// Returns the id of a decision without a key.
    static func new(now: Timestamp) -> EventID { EventID(generated: "dec_" + ULID.generate(time: now)) }

    /// Returns the id of a consumption, in the same way.
    static func consumption(key: IdempotencyKey?, of viewer: Viewer, approvalID: ApprovalID, now: Timestamp) -> EventID {
        guard let key else { return EventID(generated: "con_" + ULID.generate(time: now)) }
        return EventID(generated: prefix(key: key, of: viewer) + digest([approvalID.text, "consume"]))
    }

    /// The common prefix of the ids of all decisions, votes and consumptions under a key.
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
