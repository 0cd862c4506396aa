public import Basics

/// Describes why a call on the log failed.
///
/// ``message`` is a sentence with the cause and, where possible, the remedy; it has no payloads and no secrets.
public struct EventLogError: ExplainedError, Sendable, CustomStringConvertible {
    /// The kind of failure; compare with the static members.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case unavailable, timeout, busy, incompatibleStream, unsupportedServer, conflict, tooLarge, full, notWritable, rejected,
                cancelled,
                closed
        }

        private let kind: Kind

        /// The bus, or the log on it, is unreachable. Retriable.
        public static let unavailable = Code(kind: .unavailable)
        /// No answer in time; an append may or may not be stored, and a retry is safe. Retriable.
        public static let timeout = Code(kind: .timeout)
        /// A concurrent write to the same subject is in flight; nothing is decided yet. Retriable.
        public static let busy = Code(kind: .busy)
        /// A stream with the log's name exists and cannot be the log.
        public static let incompatibleStream = Code(kind: .incompatibleStream)
        /// The server does not support the configuration.
        public static let unsupportedServer = Code(kind: .unsupportedServer)
        /// The event's identity or the request's key is bound to other content, or the approval is decided. ``EventLogError/field`` says which.
        public static let conflict = Code(kind: .conflict)
        /// The event exceeds the server's limit.
        public static let tooLarge = Code(kind: .tooLarge)
        /// The server is out of space. Retriable, after some time.
        public static let full = Code(kind: .full)
        /// Appends fail until an operator changes the bus: a permission, or a full stream that rejects new messages.
        public static let notWritable = Code(kind: .notWritable)
        /// The server refused; a retry does not help.
        public static let rejected = Code(kind: .rejected)
        /// The calling task was cancelled.
        public static let cancelled = Code(kind: .cancelled)
        /// This process closed the connection.
        public static let closed = Code(kind: .closed)

        public var description: String { kind.rawValue }
    }

    /// The kind of failure.
    public let code: Code
    /// The error message: cause and remedy; starts with ``field``, if set.
    public let message: String
    /// The path of the faulty value, such as `id`; nil unless the code is ``Code/conflict`` or ``Code/tooLarge``.
    public let field: String?
    /// Index of the faulty event in the call; nil when the error concerns the whole call.
    public let index: Int?

    /// Creates an error.
    public init(code: Code, message: String, field: String? = nil, index: Int? = nil) {
        self.code = code
        self.message = message
        self.field = field
        self.index = index
    }

    /// Whether the same call may succeed later.
    public var isRetriable: Bool { code == .unavailable || code == .timeout || code == .busy || code == .full }

    /// An error of code ``Code/unavailable``.
    public static func unavailable(_ message: String) -> EventLogError { EventLogError(code: .unavailable, message: message) }

    public var description: String { "\(code): \(message)" }
}
