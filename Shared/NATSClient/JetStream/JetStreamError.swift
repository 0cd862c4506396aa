public import Basics

/// Describes why a ``JetStream`` call failed.
///
/// `message` tells operators what is wrong; it includes the server's reason, if any.
public struct JetStreamError: ExplainedError, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. New kinds may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: Hashable {
            case disconnected, closed, timeout, cancelled, noResponders, notPermitted, payloadTooLarge, client, invalidResponse
            case api(Int)
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The kind's name, for logs and metric labels: `timeout`, `api-10071`.
        public var description: String {
            switch kind {
            case .disconnected: "disconnected"
            case .closed: "closed"
            case .timeout: "timeout"
            case .cancelled: "cancelled"
            case .noResponders: "noResponders"
            case .notPermitted: "notPermitted"
            case .payloadTooLarge: "payloadTooLarge"
            case .client: "client"
            case .invalidResponse: "invalidResponse"
            case .api(let code): "api-\(code)"
            }
        }

        /// No connection. Whether a message in flight was stored is unknown: retry with the same message id.
        public static let disconnected = Code(.disconnected)
        /// The connection was closed.
        public static let closed = Code(.closed)
        /// No answer in time. Whether a message was stored is unknown: retry with the same message id.
        public static let timeout = Code(.timeout)
        /// The calling task was cancelled.
        public static let cancelled = Code(.cancelled)
        /// No stream accepts the subject; or JetStream is disabled, starting, or without a leader.
        public static let noResponders = Code(.noResponders)
        /// The server denies this user the subject.
        public static let notPermitted = Code(.notPermitted)
        /// The message exceeds the server's `max_payload`; it was not sent.
        public static let payloadTooLarge = Code(.payloadTooLarge)
        /// Invalid subject, name or header; the request was not sent.
        public static let client = Code(.client)
        /// The server's answer could not be parsed.
        public static let invalidResponse = Code(.invalidResponse)
        /// The server's `err_code` of the JetStream API.
        public static func api(_ code: Int) -> Code { Code(.api(code)) }

        /// JetStream is disabled, for the account or entirely.
        public static let notEnabled = api(10039)
        /// The cluster has no leader at present.
        public static let clusterNotAvailable = api(10008)
        /// Memory, storage or replicas are exhausted.
        public static let insufficientResources = api(10023)
        /// The consumer does not exist.
        public static let consumerNotFound = api(10014)
        /// A consumer of that name exists with another configuration.
        public static let consumerNameInUse = api(10013)
        /// No message has this sequence or subject.
        public static let messageNotFound = api(10037)
        /// A stream of that name exists with another configuration.
        public static let streamNameInUse = api(10058)
        /// Another stream has one of the subjects; nats-server 2.9 may also say so of a stream that another client is creating.
        public static let subjectsOverlap = api(10065)
        /// No stream has this name.
        public static let streamNotFound = api(10059)
        /// Compare-and-set failed: the subject's last message is not the expected one.
        public static let wrongLastSequence = api(10071)
        /// A concurrent write to the same subject is in flight (clusters of nats-server 2.11 and later). Undecided: read again.
        public static let writeInFlight = api(10164)
        /// The server could not store the message, or the stream is full and rejects new messages (``StreamConfiguration/Discard/new``).
        public static let storeFailed = api(10077)
        /// The stream is not the expected one (`Nats-Expected-Stream`).
        public static let streamMismatch = api(10060)
        /// The stream is sealed: read-only for ever.
        public static let sealed = api(10109)
        /// The server ended a pull: it shuts down, or the consumer was deleted or has another leader (a status, not an `err_code`).
        public static let pullEnded = api(409)
        /// The account's or the stream's consumer limit is reached.
        public static let maximumConsumers = api(10026)

        /// The server's `err_code`; nil if the error is not the server's.
        public var apiCode: Int? {
            if case .api(let code) = kind { code } else { nil }
        }
    }

    /// The kind of failure.
    public let code: Code
    /// The error message: cause and remedy.
    public let message: String

    /// Creates an error.
    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Converts a connection error.
    init(_ error: NATSError) {
        let code: Code =
            switch error.code {
            case .disconnected: .disconnected
            case .closed: .closed
            case .timeout: .timeout
            case .cancelled: .cancelled
            case .noResponders: .noResponders
            case .notPermitted: .notPermitted
            case .payloadTooLarge: .payloadTooLarge
            default: .client
            }
        let message =
            code == .noResponders
            ? "No stream takes this subject, or JetStream is not ready. Check the stream, or try again." : error.message
        self.init(code, message)
    }

    /// Whether the same call may succeed later without a change by an operator.
    ///
    /// Retry a publish with the same message id: it is stored once within the stream's duplicate window.
    public var isRetriable: Bool {
        switch code {
        case .disconnected, .timeout, .noResponders: true
        case .insufficientResources, .clusterNotAvailable, .storeFailed, .writeInFlight, .pullEnded: true
        case .api(10004), .api(10009), .api(10118), .api(10119): true  // incomplete, not leader, stream offline, consumer offline
        case .api(10158): true  // a message with the same id is being stored
        default: false
        }
    }

    /// `code: message`.
    public var description: String { "\(code): \(message)" }
}

extension JetStreamError {
    /// JetStream does not respond.
    static let switchedOff = JetStreamError(
        .noResponders,
        "JetStream is switched off on nats-server, or not ready yet: start it with -js or a jetstream block in its configuration."
    )
}

/// `error` in an answer of the JetStream API.
struct APIErrorBody: Decodable {
    let code: Int
    let errorCode: Int?
    let description: String?

    enum CodingKeys: String, CodingKey {
        case code
        case errorCode = "err_code"
        case description
    }
}

extension JetStreamError {
    /// Creates an error from the server's error body.
    init(_ body: APIErrorBody) {
        // A server before 2.3 sends no `err_code`, only an HTTP-like code.
        let code = Code.api(body.errorCode ?? body.code)
        let advice = code == .notEnabled ? " Switch JetStream on for the account in the configuration of nats-server." : ""
        self.init(code, "JetStream refused: \(body.description ?? "no reason given").\(advice)")
    }

    /// Creates an error from a status message (`404 Message Not Found`).
    init(status: Int, description: String?) {
        switch status {
        case 404: self.init(.messageNotFound, "There is no such message.")
        case 503: self.init(NATSError(.noResponders, "No responders."))
        default: self.init(.api(status), "JetStream refused: \(status) \(description ?? "").")
        }
    }
}
