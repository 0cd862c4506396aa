import Basics
import EventModel
import HTTPAPI
import Hummingbird
import NIOCore

/// The body of a decision request (contract §7).
struct DecisionRequest: Sendable, Equatable {
    /// Maximum size of the body in bytes: a reason of maximum length with every character escaped.
    static let maximumBodyBytes = 32 * 1024
    /// Maximum length of a reason in code points, the unit of `maxLength` in OpenAPI.
    static let maximumReason = 2000

    var action: DecisionAction
    var reason: String?
    /// The digest of what the caller has seen.
    var actionDigest: ActionDigest?
    /// The person in whose place the caller acts.
    var onBehalfOf: UserID?

    /// Parses a body.
    ///
    /// - Throws: a ``ValidationError`` that names the member.
    init(_ body: [UInt8]) throws(ValidationError) {
        // `type` and `timestamp` are reserved in payloads of events only.
        let payload = try Payload(validating: body, field: "body", allowsStreamMembers: true)
        guard let action = payload.string("action").flatMap(DecisionAction.init(rawValue:)), DecisionAction.ofPeople.contains(action) else {
            throw ValidationError(field: "action", message: "must be \"approve\" or \"reject\"")
        }
        self.action = action
        switch payload.kind(of: "reason") {
        case nil, .null: reason = nil
        case .string:
            let text = payload.string("reason") ?? ""
            guard text.unicodeScalars.count <= Self.maximumReason else {
                throw ValidationError(field: "reason", message: "must be at most \(Self.maximumReason) characters")
            }
            reason = text.isEmpty ? nil : text
        default: throw ValidationError(field: "reason", message: "must be a string")
        }
        actionDigest = try payload.actionDigest()
        onBehalfOf = try payload.text("onBehalfOf").map { text throws(ValidationError) in try UserID(text, field: "onBehalfOf") }
    }

    /// Reads and parses the body of a request.
    static func of(_ request: Request) async throws -> DecisionRequest {
        try request.requireContentType(anyOf: ["application/json"], assuming: "application/json")
        let body = try await request.readBody(upTo: maximumBodyBytes)
        return try DecisionRequest(Array(body.readableBytesView))
    }
}

/// The body of a request to consume an approval (contract §12).
struct ConsumptionBody: Sendable, Equatable {
    private static let maximumBodyBytes = 4096

    /// The digest of what the executor is about to do.
    var actionDigest: ActionDigest?

    /// Parses a body; an empty one names no digest.
    init(_ body: [UInt8]) throws(ValidationError) {
        guard !body.isEmpty else { return }
        actionDigest = try Payload(validating: body, field: "body", allowsStreamMembers: true).actionDigest()
    }

    /// Reads and parses the body of a request.
    static func of(_ request: Request) async throws -> ConsumptionBody {
        try request.requireContentType(anyOf: ["application/json"], assuming: "application/json")
        let body = try await request.readBody(upTo: maximumBodyBytes)
        return try ConsumptionBody(Array(body.readableBytesView))
    }
}

extension Payload {
    /// The member `actionDigest`; nil when absent or null.
    fileprivate func actionDigest() throws(ValidationError) -> ActionDigest? {
        try text("actionDigest").map { text throws(ValidationError) in try ActionDigest(text, field: "actionDigest") }
    }
}
