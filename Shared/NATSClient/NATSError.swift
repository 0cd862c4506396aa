public import Basics

/// Why a call on a ``NATSConnection`` did not do what it was asked.
///
/// `message` is a sentence for the person who runs the process. It never holds a password, a token, a seed or the user part of a URL.
public struct NATSError: ExplainedError, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is. New kinds may be added, so a `switch` over them needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case disconnected, closed, timeout, cancelled, noResponders
            case authenticationFailed, tlsFailed, notPermitted
            case invalidConfiguration, invalidSubject, invalidHeader, payloadTooLarge
            case libraryFailure
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The name of the kind, fit for a log or a metric's label.
        public var description: String { kind.rawValue }

        /// There is no connection just now; the library is trying to get one. Whether a message under way arrived is unknown.
        public static let disconnected = Code(.disconnected)
        /// The connection was closed, by ``NATSConnection/close()`` or, if it is not to reconnect, by the loss of its server. It does not come back.
        public static let closed = Code(.closed)
        /// No answer within the time given. Whether the request was carried out is unknown.
        public static let timeout = Code(.timeout)
        /// The task that asked was cancelled. Whether the request was carried out is unknown.
        public static let cancelled = Code(.cancelled)
        /// Nobody listens on the subject of the request.
        public static let noResponders = Code(.noResponders)
        /// The server refused the credentials.
        public static let authenticationFailed = Code(.authenticationFailed)
        /// The TLS handshake failed, or one side insists on TLS and the other does not speak it.
        public static let tlsFailed = Code(.tlsFailed)
        /// The server does not allow this user the subject.
        public static let notPermitted = Code(.notPermitted)
        /// A value of ``NATSConfiguration`` cannot be used.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// The text is not a subject, or it has wildcards where none may be.
        public static let invalidSubject = Code(.invalidSubject)
        /// A header's name or value has a character that the protocol does not carry.
        public static let invalidHeader = Code(.invalidHeader)
        /// The message is larger than the server accepts (1 MiB unless its `max_payload` says otherwise).
        public static let payloadTooLarge = Code(.payloadTooLarge)
        /// nats.c reported something that has no kind of its own; the message says what.
        public static let libraryFailure = Code(.libraryFailure)
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do, as a sentence.
    public let message: String

    /// Creates an error. The message must not hold a secret.
    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same call may succeed later without anybody changing anything.
    ///
    /// A retried message may arrive twice: give it a `Nats-Msg-Id` where that matters.
    public var isRetriable: Bool {
        code == .disconnected || code == .timeout || code == .noResponders
    }

    /// `code: message`.
    public var description: String { "\(code): \(message)" }
}

extension NATSError {
    static let disconnected = NATSError(.disconnected, "Not connected to NATS. Retry in a moment.")
    static let closed = NATSError(.closed, "The connection to NATS is closed. Open a new one.")
    static let timeout = NATSError(.timeout, "NATS did not answer in time. Try again.")
    static let cancelled = NATSError(.cancelled, "The request was cancelled before an answer came.")
}
