import AccessControl
import Crypto
import EventModel
import HTTPAPI
import HTTPTypes

/// A client's name for a request, by which its repetition is recognised (contract §10).
///
/// Event *k* of the request gets an id made of the key, *k*, and who sent it, so that the log itself recognises the repetition: nothing has to be
/// remembered here, and it does not matter which process gets the request the second time. An event that has an id of its own keeps it.
struct IdempotencyKey: Sendable, Hashable {
    /// The longest key, in bytes.
    static let maximumBytes = 256

    private let prefix: String

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
        prefix = "\(principal.tenant)\u{0}\(principal.subject)\u{0}\(values[0])\u{0}"
    }

    /// The id of the event at a place in the request.
    func eventID(at index: Int) -> String {
        let digest = SHA256.hash(data: Array("\(prefix)\(index)".utf8))
        return "idem_"
            + digest.prefix(20).map { byte in
                let digits = String(byte, radix: 16)
                return digits.count == 1 ? "0\(digits)" : digits
            }.joined()
    }
}
