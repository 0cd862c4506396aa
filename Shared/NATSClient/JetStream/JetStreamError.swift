public import Basics

/// Why a call on ``JetStream`` did not do what it was asked.
///
/// `message` is a sentence for the person who runs the process; where the server gave a reason, it is in there.
public struct JetStreamError: ExplainedError, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is. New kinds may be added, so a `switch` over them needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: Hashable {
            case disconnected, closed, timeout, cancelled, noResponders, notPermitted, payloadTooLarge, client, invalidResponse
            case api(Int)
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The name of the kind, fit for a log or a metric's label: `timeout`, `api-10071`.
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

        /// There is no connection. Whether a message under way was stored is unknown: send it again with the same message id.
        public static let disconnected = Code(.disconnected)
        /// The connection was closed.
        public static let closed = Code(.closed)
        /// No answer in time. Whether a message was stored is unknown: send it again with the same message id.
        public static let timeout = Code(.timeout)
        /// The task that asked was cancelled.
        public static let cancelled = Code(.cancelled)
        /// No stream takes the subject; or JetStream is not enabled, still starting, or without a leader.
        public static let noResponders = Code(.noResponders)
        /// The server does not allow this user the subject.
        public static let notPermitted = Code(.notPermitted)
        /// The message was not sent, because it is larger than the server's `max_payload`.
        public static let payloadTooLarge = Code(.payloadTooLarge)
        /// The request was refused before it was sent: a subject, a name or a header is not valid.
        public static let client = Code(.client)
        /// The server answered something that is not understood.
        public static let invalidResponse = Code(.invalidResponse)
        /// The server refused with a code of its own (`err_code` of the JetStream API).
        public static func api(_ code: Int) -> Code { Code(.api(code)) }

        /// JetStream is not enabled for the account, or not at all.
        public static let notEnabled = api(10039)
        /// The cluster has no leader for this at the moment.
        public static let clusterNotAvailable = api(10008)
        /// Memory, storage or replicas are used up.
        public static let insufficientResources = api(10023)
        /// The stream's consumer does not exist, or no longer.
        public static let consumerNotFound = api(10014)
        /// A consumer of that name exists with another configuration.
        public static let consumerNameInUse = api(10013)
        /// No message has this sequence or subject.
        public static let messageNotFound = api(10037)
        /// A stream of that name exists with another configuration.
        public static let streamNameInUse = api(10058)
        /// There is no stream of that name.
        public static let streamNotFound = api(10059)
        /// The message was to be the subject's first, or to follow a certain one, and another was there.
        public static let wrongLastSequence = api(10071)
        /// Another write that expects the same is in flight (clusters of nats-server 2.11 and later). Nothing is decided yet: look again.
        public static let writeInFlight = api(10164)
        /// The server could not write the message to its store; or the stream is full and drops nothing (``StreamConfiguration/Discard/new``).
        public static let storeFailed = api(10077)
        /// The stream is another than the one that the message was meant for (`Nats-Expected-Stream`).
        public static let streamMismatch = api(10060)
        /// The stream is sealed: it takes nothing any more.
        public static let sealed = api(10109)
        /// The account or the stream may have no more consumers.
        public static let maximumConsumers = api(10026)

        /// The server's own code, if it was the server that refused.
        public var apiCode: Int? {
            if case .api(let code) = kind { code } else { nil }
        }
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do, as a sentence.
    public let message: String

    /// Creates an error.
    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// What a failure of the connection means for a JetStream call.
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

    /// Whether the same call may succeed later without anybody changing anything.
    ///
    /// Send a publish again with the same message id; it is then stored once, within the stream's duplicate window.
    public var isRetriable: Bool {
        switch code {
        case .disconnected, .timeout, .noResponders: true
        case .insufficientResources, .clusterNotAvailable, .storeFailed, .writeInFlight: true
        case .api(10004), .api(10009), .api(10118), .api(10119): true  // incomplete, not leader, stream offline, consumer offline
        case .api(10158): true  // a message with the same id is being stored
        default: false
        }
    }

    /// `code: message`.
    public var description: String { "\(code): \(message)" }
}

extension JetStreamError {
    /// Nobody answers for the API.
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
    /// The server's refusal.
    init(_ body: APIErrorBody) {
        // A server before 2.3 sent no code of its own, only one of HTTP's kind.
        let code = Code.api(body.errorCode ?? body.code)
        let advice = code == .notEnabled ? " Switch JetStream on for the account in the configuration of nats-server." : ""
        self.init(code, "JetStream refused: \(body.description ?? "no reason given").\(advice)")
    }

    /// The server's refusal in a status message (`404 Message Not Found`).
    init(status: Int, description: String?) {
        switch status {
        case 404: self.init(.messageNotFound, "There is no such message.")
        case 503: self.init(NATSError(.noResponders, "No responders."))
        default: self.init(.api(status), "JetStream refused: \(status) \(description ?? "").")
        }
    }
}
