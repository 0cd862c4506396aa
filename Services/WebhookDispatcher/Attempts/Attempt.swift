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

/// A message of the stream of attempts: an attempt and its endpoint. The subject names only the endpoint's slot, which others had before.
struct AttemptRecord: Sendable, Hashable {
    /// The size limit: the excerpt with every byte escaped, and the rest.
    static let maximumBytes = 8 * 1024

    let endpoint: EndpointID
    let attempt: Attempt

    init(endpoint: EndpointID, attempt: Attempt) {
        self.endpoint = endpoint
        self.attempt = attempt
    }

    /// The record as JSON. Times in milliseconds since 1970.
    var json: [UInt8] {
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
        return object.bytes
    }

    /// Parses a record; nil if malformed, as one of a later version may be. Members that it does not know are ignored: a list is shown, not
    /// written back.
    init?(json: [UInt8]) {
        guard json.count <= Self.maximumBytes, (try? JSONDocument.check(json)) != nil,
            let body = try? JSONDecoder().decode(Body.self, from: Data(json)), let endpoint = EndpointID(body.endpoint),
            let type = try? EventType(body.type), let result = body.result
        else { return nil }
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

    private struct Body: Decodable {
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
