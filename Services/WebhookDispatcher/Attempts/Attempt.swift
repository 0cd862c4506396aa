import Basics
import EventModel
import FoundationEssentials
import Webhooks

/// One attempt at a delivery, for the list that a tenant reads (contract §14).
struct Attempt: Sendable, Hashable {
    /// How it ended.
    enum Result: Sendable, Hashable {
        /// The receiver answered with a status. The excerpt is the beginning of its body, at most
        /// `AttemptOutcome.Answer.maximumExcerptBytes`.
        case answered(status: Int, excerpt: String)
        /// There was no answer.
        case failed(AttemptOutcome.Failure)
    }

    /// The value of `webhook-id`.
    let messageID: String
    /// The type of the event.
    let type: EventType
    /// When it began.
    let startedAt: Timestamp
    /// How long it took.
    let duration: Duration
    /// How it ended.
    let result: Result
    /// When the next one is due; nil when the message was delivered, or when there is no next one.
    let nextAttemptAt: Timestamp?

    init(messageID: String, type: EventType, startedAt: Timestamp, duration: Duration, result: Result, nextAttemptAt: Timestamp?) {
        self.messageID = messageID
        self.type = type
        self.startedAt = startedAt
        self.duration = duration
        self.nextAttemptAt = nextAttemptAt
        self.result =
            switch result {
            // The replacement of bytes that are not UTF-8 may have made it longer.
            case .answered(let status, let excerpt):
                .answered(status: status, excerpt: excerpt.bounded(toBytes: AttemptOutcome.Answer.maximumExcerptBytes))
            case .failed: result
            }
    }
}

/// An attempt and its endpoint. The subject names only the endpoint's slot, which others had before.
struct AttemptRecord: Sendable, Hashable {
    let endpoint: EndpointID
    let attempt: Attempt

    init(endpoint: EndpointID, attempt: Attempt) {
        self.endpoint = endpoint
        self.attempt = attempt
    }

    /// The record as JSON. Times in milliseconds since 1970.
    fileprivate var json: JSONObject {
        var object: JSONObject = [
            "endpoint": .string("\(endpoint)"), "id": .string(attempt.messageID), "type": .string(attempt.type.name),
            "startedAt": .integer(Int(attempt.startedAt.millisecondsSinceEpoch)),
            "durationMs": .integer(Int(attempt.duration.milliseconds)),
        ]
        switch attempt.result {
        case .answered(let status, let excerpt):
            object.append("status", .integer(status))
            object.append("answer", .string(excerpt))
        case .failed(let failure):
            object.append("failure", .string(failure.name))
        }
        if let time = attempt.nextAttemptAt { object.append("nextAttemptAt", .integer(Int(time.millisecondsSinceEpoch))) }
        return object
    }

    fileprivate init?(_ body: Body) {
        guard let endpoint = EndpointID(body.endpoint), let type = try? EventType(body.type), let result = body.result else { return nil }
        self.endpoint = endpoint
        attempt = Attempt(
            messageID: body.id,
            type: type,
            startedAt: Timestamp(millisecondsSinceEpoch: body.startedAt),
            duration: .milliseconds(body.durationMs),
            result: result,
            nextAttemptAt: body.nextAttemptAt.map { Timestamp(millisecondsSinceEpoch: $0) }
        )
    }

    fileprivate struct Body: Decodable {
        var endpoint: String
        var id: String
        var type: String
        var startedAt: Int64
        var durationMs: Int64
        var status: Int?
        var answer: String?
        var failure: String?
        var nextAttemptAt: Int64?

        var result: Attempt.Result? {
            switch (status, failure) {
            case (let status?, nil): .answered(status: status, excerpt: answer ?? "")
            case (nil, let failure?): AttemptOutcome.Failure(name: failure).map { .failed($0) }
            default: nil
            }
        }
    }
}

/// A message of the stream of attempts: a JSON array of records of one slot, oldest first.
///
/// Attempts that were made within a second share a message: to store each alone took the bus as long as to deliver it.
enum AttemptMessage {
    /// The size limit: a record whose excerpt has every byte escaped.
    static let maximumBytes = 8 * 1024
    /// A message with that many bytes is full. So the last messages of a slot, of which the stream keeps ``AttemptJournal/kept``, take as much as that
    /// many attempts with long answers.
    private static let fullBytes = 1024

    /// Encodes records.
    ///
    /// - Returns: messages in order, each with its number of records.
    static func encode(_ records: [AttemptRecord]) -> [(payload: [UInt8], count: Int)] {
        var messages: [(payload: [UInt8], count: Int)] = []
        var (payload, count): ([UInt8], Int) = ([], 0)
        for record in records {
            let json = record.json.bytes
            if count > 0, payload.count + json.count >= fullBytes {
                messages.append((payload + [UInt8(ascii: "]")], count))
                (payload, count) = ([], 0)
            }
            payload.append(count == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
            payload += json
            count += 1
        }
        if count > 0 { messages.append((payload + [UInt8(ascii: "]")], count)) }
        return messages
    }

    /// Decodes a message. What is malformed, as a record of a later version may be, is left out: a list is shown, not written back.
    static func decode(_ json: [UInt8]) -> [AttemptRecord] {
        guard json.count <= maximumBytes, (try? JSONDocument.check(json)) != nil else { return [] }
        // Messages were single records before.
        let array = json.first == UInt8(ascii: "{") ? [UInt8(ascii: "[")] + json + [UInt8(ascii: "]")] : json
        let bodies = (try? JSONDecoder().decode([Lenient].self, from: Data(array))) ?? []
        return bodies.compactMap { $0.body.flatMap(AttemptRecord.init) }
    }

    /// A record that may be malformed. Members that it does not know are ignored.
    private struct Lenient: Decodable {
        let body: AttemptRecord.Body?

        init(from decoder: any Decoder) throws {
            body = try? AttemptRecord.Body(from: decoder)
        }
    }
}

extension AttemptOutcome.Failure {
    private static let withoutReason: [Self] = [.unresolvable, .unreachable, .untrusted, .timedOut, .cutOff, .malformed]
    private static let refusals: [AddressRules.Refusal] = [.plainText, .noAddress] + AddressKind.allCases.map { .address($0) }

    /// A text for each case, with the reason of a refusal.
    fileprivate var name: String {
        guard case .refused(let refusal) = self else { return label }
        return "\(label).\(refusal.name)"
    }

    fileprivate init?(name: String) {
        guard let failure = (Self.withoutReason + Self.refusals.map { .refused($0) }).first(where: { $0.name == name }) else { return nil }
        self = failure
    }
}

extension AddressRules.Refusal {
    fileprivate var name: String {
        switch self {
        case .address(let kind): kind.rawValue
        case .plainText: "plainText"
        case .noAddress: "noAddress"
        }
    }
}
