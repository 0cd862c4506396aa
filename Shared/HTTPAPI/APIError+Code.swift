public import Hummingbird

extension APIError {
    /// The error codes (contract §1), which client programs switch on.
    ///
    /// `docs/openapi.yaml` and `docs/errors.md` repeat this table; a test compares them with it.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        case validationError = "validation_error"
        case unauthorized
        case forbidden
        case notFound = "not_found"
        case gone
        case methodNotAllowed = "method_not_allowed"
        case selfApproval = "self_approval"
        case alreadyResolved = "already_resolved"
        case alreadyVoted = "already_voted"
        case notApproved = "not_approved"
        case alreadyConsumed = "already_consumed"
        case expired
        case conflict
        case payloadTooLarge = "payload_too_large"
        case unsupportedMediaType = "unsupported_media_type"
        case rateLimited = "rate_limited"
        case `internal`
        case serviceUnavailable = "service_unavailable"

        /// A row of the table.
        private struct Row {
            let status: HTTPResponse.Status
            let isRetriable: Bool
            let sentence: String

            init(_ status: HTTPResponse.Status, retriable: Bool = false, _ sentence: String) {
                self.status = status
                self.isRetriable = retriable
                self.sentence = sentence
            }
        }

        private var row: Row {
            switch self {
            case .validationError: Row(.badRequest, "The request breaks a rule: correct the field that the message names.")
            case .unauthorized:
                Row(.unauthorized, "The token is missing or not accepted: send the header \"Authorization: Bearer <token>\".")
            case .forbidden: Row(.forbidden, "The token is valid but does not permit this.")
            case .notFound: Row(.notFound, "There is nothing at this address: check the path.")
            case .gone: Row(.gone, "The log no longer holds the event: its retention has removed it.")
            case .methodNotAllowed: Row(.methodNotAllowed, "The path exists but not with this method: use one that the header Allow names.")
            case .selfApproval: Row(.forbidden, "The requester and the approver must differ: somebody else must decide.")
            case .expired: Row(.conflict, "Nobody decided the approval in time: request a new one.")
            case .alreadyResolved: Row(.conflict, "The approval is already decided, or the execution has already ended.")
            case .alreadyVoted: Row(.conflict, "You have already voted on this approval with another action: a vote cannot be changed.")
            case .notApproved: Row(.conflict, "The approval is not approved: execute nothing, and wait for the decision.")
            case .alreadyConsumed: Row(.conflict, "The approval has already been consumed: request a new one for another execution.")
            case .conflict:
                Row(
                    .conflict,
                    "The id, the approvalId or the Idempotency-Key is used for other content, or actionDigest differs: choose a new one, or read again."
                )
            case .payloadTooLarge: Row(.contentTooLarge, "The body, or a part of it, is too large: send less.")
            case .unsupportedMediaType:
                Row(.unsupportedMediaType, "The body has the wrong Content-Type: send the one that the message names.")
            case .rateLimited: Row(.tooManyRequests, retriable: true, "Too many requests: wait as many seconds as Retry-After says.")
            case .internal:
                Row(.internalServerError, "The request failed in the service: report its X-Request-Id to the operator if it happens again.")
            case .serviceUnavailable:
                Row(.serviceUnavailable, retriable: true, "The service cannot answer now: retry after as many seconds as Retry-After says.")
            }
        }

        /// The HTTP status of the code.
        public var status: HTTPResponse.Status { row.status }

        /// Whether the same request may succeed later. Exactly these responses carry `Retry-After`.
        public var isRetriable: Bool { row.isRetriable }

        /// The default message of the code.
        public var sentence: String { row.sentence }
    }
}
