import Basics
import FoundationEssentials

/// A message in a stream.
public struct StoredMessage: Sendable {
    /// The subject that it was published on.
    public let subject: String
    /// Its sequence in the stream.
    public let sequence: UInt64
    /// When the server stored it, in nanoseconds since 1970.
    public let timestamp: UInt64
    /// Its headers.
    public let headers: NATSHeaders
    /// Its body.
    public let payload: [UInt8]

    /// Creates a message that was read by other means.
    public init(subject: String, sequence: UInt64, timestamp: UInt64, headers: NATSHeaders, payload: [UInt8]) {
        self.subject = subject
        self.sequence = sequence
        self.timestamp = timestamp
        self.headers = headers
        self.payload = payload
    }
}

extension StoredMessage: Decodable {
    private enum CodingKeys: String, CodingKey {
        case subject
        case sequence = "seq"
        case headers = "hdrs"
        case payload = "data"
        case time
    }

    /// Decodes the JetStream API's JSON, in which headers and body are base64.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        subject = try values.decode(String.self, forKey: .subject)
        sequence = try values.decode(UInt64.self, forKey: .sequence)
        headers = try values.decodeIfPresent(Data.self, forKey: .headers)?.withUnsafeBytes { HeaderBlock($0).headers } ?? [:]
        payload = [UInt8](try values.decodeIfPresent(Data.self, forKey: .payload) ?? Data())
        guard let timestamp = try values.decodeInstant(forKey: .time) else {
            throw DecodingError.keyNotFound(
                CodingKeys.time,
                .init(codingPath: values.codingPath, debugDescription: "a stored message has a time")
            )
        }
        self.timestamp = timestamp
    }

    /// Reads the answer to a direct get: the message itself, with stream metadata in additional headers. The server appends these, so the
    /// last value of a name is the server's and not a producer's.
    init?(direct delivery: borrowing NATSDelivery) {
        var headers = delivery.headers
        func last(_ name: String) -> String? { headers.fields.last { $0.name == name }?.value }
        guard
            let subject = last("Nats-Subject"), let sequence = last("Nats-Sequence").flatMap({ UInt64($0) }),
            let timestamp = last("Nats-Time-Stamp").flatMap({ RFC3339.nanosecondsSinceEpoch($0) })
        else { return nil }
        for added in ["Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Last-Sequence"] { headers[added] = nil }
        self.init(
            subject: subject,
            sequence: sequence,
            timestamp: timestamp,
            headers: headers,
            payload: delivery.withPayload { [UInt8]($0) }
        )
    }
}
