import Basics
import Crypto
import EventModel

/// The `Nats-Msg-Id`s of the log: what the server detects duplicates by within its window.
///
/// An id is a hash of fixed length, whatever names it is made of: the first 160 bits of a SHA-256, in 40 lower-case hexadecimal digits. What is hashed is the
/// domain and then each part, each as its length in bytes, a colon and its bytes, so that no two lists of parts are the same text and no domain's
/// ids are another's. docs/producing.md tells producers on the bus how to compute it.
///
/// Anybody who may publish can use any id, so what an id finds is compared before it is believed (``EventLog/append(contentsOf:intake:timeout:)``).
enum MessageID {
    private enum Domain: String {
        case event, execution, once, request
    }

    /// The id of a tenant's event: its identity (contract §2).
    static func event(_ identity: EventIdentity) -> String {
        make(.event, [identity.tenant.text, identity.source?.text ?? "", identity.id.text])
    }

    /// The id of an execution's event.
    ///
    /// - Parameter run: the run that the producer named; nil for the current one, whichever that is, so that a repetition of a final event is
    ///   not taken for the first event of the next run.
    static func execution(_ reference: ExecutionReference, run: ExecutionRun?, id: EventID) -> String {
        make(.execution, [reference.tenant.text, reference.kind.rawValue, reference.name.text, run?.text ?? "", id.text])
    }

    /// The second key of an event at a place that takes one (``EventLog/append(_:onceAt:messageID:intake:timeout:)``).
    static func once(_ key: String) -> String {
        make(.once, [key])
    }

    /// The name of a request under an `Idempotency-Key`.
    static func request(_ parts: [String]) -> String {
        make(.request, parts)
    }

    private static func make(_ domain: Domain, _ parts: [String]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(128)
        append(domain.rawValue, to: &text)
        for part in parts { append(part, to: &text) }
        return Hexadecimal.lowercase(SHA256.hash(data: text).prefix(20))
    }

    /// Appends a text behind its length.
    static func append(_ part: String, to out: inout [UInt8]) {
        out.append(contentsOf: String(part.utf8.count).utf8)
        out.append(UInt8(ascii: ":"))
        out.append(contentsOf: part.utf8)
    }
}
