import Basics
import EventModel
import FoundationEssentials

/// Encodes Swift values as payloads.
enum PayloadEncoding {
    /// Encodes a value that becomes a JSON object; dates become ISO 8601 in UTC with milliseconds, like all times on the wire.
    static func payload(of value: some Encodable, allowsStreamMembers: Bool = false) throws(ProducerError) -> Payload {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            guard let milliseconds = Int64(exactly: (date.timeIntervalSince1970 * 1000).rounded()) else {
                throw EncodingError.invalidValue(
                    date,
                    .init(codingPath: encoder.codingPath, debugDescription: "a date beyond all calendars")
                )
            }
            try container.encode(Timestamp(millisecondsSinceEpoch: milliseconds).iso8601)
        }
        let data: Data
        do {
            data = try encoder.encode(value)
        } catch {
            throw ProducerError(ValidationError(field: "payload", message: "must be encodable as JSON, but encoding it failed: \(error)"))
        }
        do throws(ValidationError) {
            return try Payload(validating: [UInt8](data), allowsStreamMembers: allowsStreamMembers)
        } catch {
            throw ProducerError(error)
        }
    }
}
