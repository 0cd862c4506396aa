import Basics
import Crypto
import EventModel

/// The id of the event that a request to decide would make.
///
/// With an `Idempotency-Key` it is made of the request, so that the same request has the same id whichever replica gets it and however much
/// later: the log itself then knows the decision for the request's own, and nothing else has to be remembered. Without one it is new.
enum DecisionID {
    /// The id for one request.
    ///
    /// - Parameters:
    ///   - key: the request's `Idempotency-Key`.
    ///   - tenant: whose approval.
    ///   - subject: who decides: another person's key is another key.
    ///   - action, reason: what the request asks for: with another answer it is another request.
    static func make(
        key: String?,
        tenant: String,
        subject: String,
        approvalID: String,
        action: DecisionAction,
        reason: String?,
        now: Timestamp
    ) -> EventID {
        guard let key else {
            return EventID(generated: "dec_" + ULID.generate(time: now))
        }
        var hash = SHA256()
        // Lengths before the texts, so that the parts cannot run into each other whatever is in them.
        for part in [key, tenant, subject, approvalID, action.rawValue, reason ?? "", reason == nil ? "0" : "1"] {
            hash.update(data: Array("\(part.utf8.count):".utf8))
            hash.update(data: Array(part.utf8))
        }
        return EventID(generated: "idem_" + Hexadecimal.lowercase(hash.finalize().prefix(20)))
    }
}
