public import Basics

/// Describes why a ``NATSConnection`` call failed.
///
/// `message` tells operators what is wrong. It never has a password, a token, a seed or the user part of a URL.
public struct NATSError: ExplainedError, Hashable, Sendable, CustomStringConvertible {
    /// The kind of failure. New kinds may be added: a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case disconnected, closed, timeout, cancelled, noResponders
            case authenticationFailed, tlsFailed, notPermitted
            case invalidConfiguration, invalidSubject, invalidHeader, payloadTooLarge
            case libraryFailure
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The kind's name, for logs and metric labels.
        public var description: String { kind.rawValue }

        /// Disconnected; the connection is retrying. Whether a message in flight arrived is unknown.
        public static let disconnected = Code(.disconnected)
        /// Closed for good, by ``NATSConnection/close()`` or, without reconnects, by the loss of the server.
        public static let closed = Code(.closed)
        /// No answer in time. Whether the request was executed is unknown.
        public static let timeout = Code(.timeout)
        /// The calling task was cancelled. Whether the request was executed is unknown.
        public static let cancelled = Code(.cancelled)
        /// Nothing subscribes to the request's subject.
        public static let noResponders = Code(.noResponders)
        /// The server refused the credentials.
        public static let authenticationFailed = Code(.authenticationFailed)
        /// The TLS handshake failed, or only one side uses TLS.
        public static let tlsFailed = Code(.tlsFailed)
        /// The server denies this user the subject.
        public static let notPermitted = Code(.notPermitted)
        /// A value of ``NATSConfiguration`` is invalid.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// The subject is malformed, or has wildcards where they are not allowed.
        public static let invalidSubject = Code(.invalidSubject)
        /// A header's name or value has a forbidden character.
        public static let invalidHeader = Code(.invalidHeader)
        /// The message exceeds the server's `max_payload` (default 1 MiB).
        public static let payloadTooLarge = Code(.payloadTooLarge)
        /// Any other nats.c error; the message has its text.
        public static let libraryFailure = Code(.libraryFailure)
    }

    /// The kind of failure.
    public let code: Code
    /// The error message: cause and remedy.
    public let message: String

    /// Creates an error. The message must not hold a secret.
    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether the same call may succeed later without a change by an operator.
    ///
    /// A retried message may arrive twice: set a `Nats-Msg-Id` to deduplicate.
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
