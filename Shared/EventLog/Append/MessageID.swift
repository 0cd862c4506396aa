import Basics
import Crypto
import EventModel

/// Computes the log's `Nats-Msg-Id`s, the server's deduplication keys within its window.
///
/// An id has fixed length: the first 160 bits of a SHA-256, in 40 lower-case hexadecimal digits. The input is the domain and then each part,
/// each as length in bytes, colon, bytes: injective, and domains are disjoint. docs/producing.md documents the computation for producers
/// on the bus.
///
/// Any publisher can use any id, so content is compared before a duplicate is believed (``EventLog/append(contentsOf:intake:timeout:)``).
enum MessageID {
    private enum Domain: String {
        case event, execution, once, request
    }

    /// The id of a tenant's event, from its identity (contract §2).
    static func event(_ identity: EventIdentity) -> String {
        make(.event, [identity.tenant.text, identity.source?.text ?? "", identity.id.text])
    }

    /// The id of an execution's event.
    ///
    /// - Parameter run: the run that the producer named; nil for the current one, so that a retry of a final event is not taken for the first
    ///   event of the next run.
    static func execution(_ reference: ExecutionReference, run: ExecutionRun?, id: EventID) -> String {
        make(.execution, [reference.tenant.text, reference.kind.rawValue, reference.name.text, run?.text ?? "", id.text])
    }

    /// The second deduplication key of a create-once append (``EventLog/append(_:onceAt:messageID:intake:timeout:)``).
    static func once(_ key: String) -> String {
        make(.once, [key])
    }

    /// The name of a request with an `Idempotency-Key`.
    static func request(_ parts: [String]) -> String {
        make(.request, parts)
    }

    private static func make(_ domain: Domain, _ parts: [String]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(128)
        append(domain.rawValue, to: &text)
        for part in parts { append(part, to: &text) }
        return SHA256.hash(data: text).withUnsafeBytes { Hexadecimal.lowercase(UnsafeRawBufferPointer(rebasing: $0.prefix(20))) }
    }

    /// Appends a length-prefixed text.
    static func append(_ part: String, to out: inout [UInt8]) {
        out.append(contentsOf: String(part.utf8.count).utf8)
        out.append(UInt8(ascii: ":"))
        out.append(contentsOf: part.utf8)
    }
}
