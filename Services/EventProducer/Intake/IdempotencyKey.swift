import AccessControl
import Basics
import Crypto
import EventModel
import HTTPAPI
import HTTPTypes

/// A client's name for a request, by which its repetition is recognised (contract §10).
///
/// Event *k* of the request gets an id made of the key, *k*, the body, and who sent it, so that the log itself recognises the repetition: nothing has
/// to be remembered here, and it does not matter which process gets the request the second time. Another body under the same key is another
/// request, because events that are taken for repetitions would be lost. An event that has an id of its own keeps it.
struct IdempotencyKey: Sendable, Hashable {
    /// The longest key, in bytes.
    static let maximumBytes = 256

    private let prefix: String

    private init(prefix: String) { self.prefix = prefix }

    /// The key that a request carries; nil when it has none.
    ///
    /// - Parameter principal: who sent it: another client's key is another key.
    /// - Throws: `validation_error` for one that is empty, too long, not visible ASCII, or given twice.
    init?(_ headers: HTTPFields, of principal: Principal) throws(APIError) {
        let values = headers[values: .idempotencyKey]
        guard !values.isEmpty else { return nil }
        guard values.count == 1, (1...Self.maximumBytes).contains(values[0].utf8.count),
            values[0].utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw .validation("Idempotency-Key: must be given once, as 1 to \(Self.maximumBytes) visible ASCII characters.")
        }
        // No name holds a control character, so the parts cannot run into each other.
        prefix = "\(principal.tenant)\u{0}\(principal.user)\u{0}\(values[0])\u{0}"
    }

    /// The same key for this body only.
    func bound(to body: [UInt8]) -> IdempotencyKey {
        IdempotencyKey(prefix: "\(prefix)\(Hexadecimal.lowercase(SHA256.hash(data: body)))\u{0}")
    }

    /// The id of the event at a place in the request.
    func eventID(at index: Int) -> EventID {
        EventID(generated: "idem_" + Hexadecimal.lowercase(SHA256.hash(data: Array("\(prefix)\(index)".utf8)).prefix(20)))
    }
}
