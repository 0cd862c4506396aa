public import Basics

/// Why the log did not do what was asked.
///
/// ``message`` is a sentence that says what is wrong and, where it can be mended, how; it holds neither payloads nor secrets.
public struct EventLogError: ExplainedError, Sendable, CustomStringConvertible {
    /// What kind of failure; compare with the static members.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case unavailable, timeout, busy, incompatibleStream, unsupportedServer, conflict, tooLarge, full, notWritable, rejected,
                cancelled,
                closed
        }

        private let kind: Kind

        /// The bus or the log on it is out of reach. Retriable.
        public static let unavailable = Code(kind: .unavailable)
        /// No answer in time; an append may or may not have been stored, and repeating it is safe. Retriable.
        public static let timeout = Code(kind: .timeout)
        /// The log's stream answered that another write to the same place is in flight, so that nothing is decided yet. Retriable.
        public static let busy = Code(kind: .busy)
        /// There is a stream of the log's name that cannot be the log.
        public static let incompatibleStream = Code(kind: .incompatibleStream)
        /// The server cannot do what the configuration asks for.
        public static let unsupportedServer = Code(kind: .unsupportedServer)
        /// The event's identity, or its request's key, stands for another content; or what it asks for is decided. ``EventLogError/field`` says which.
        public static let conflict = Code(kind: .conflict)
        /// The event is larger than the server takes.
        public static let tooLarge = Code(kind: .tooLarge)
        /// The server has no room for more. Retriable, though hardly at once.
        public static let full = Code(kind: .full)
        /// Nothing can be appended until somebody changes something on the bus: a permission, or a stream that is full and drops nothing.
        public static let notWritable = Code(kind: .notWritable)
        /// The server refused, for a reason that waiting does not change.
        public static let rejected = Code(kind: .rejected)
        /// The task was cancelled.
        public static let cancelled = Code(kind: .cancelled)
        /// The connection was closed by this process.
        public static let closed = Code(kind: .closed)

        public var description: String { kind.rawValue }
    }

    /// What kind of failure.
    public let code: Code
    /// What happened and what to do, as a sentence; behind ``field``, where there is one.
    public let message: String
    /// The path of the value that is at fault, such as `id`; nil unless the code is ``Code/conflict`` or ``Code/tooLarge``.
    public let field: String?
    /// Which event of a call with several is at fault; nil where it is not one of them alone.
    public let index: Int?

    /// Creates an error.
    public init(code: Code, message: String, field: String? = nil, index: Int? = nil) {
        self.code = code
        self.message = message
        self.field = field
        self.index = index
    }

    /// Whether the same call may well succeed later.
    public var isRetriable: Bool { code == .unavailable || code == .timeout || code == .busy || code == .full }

    /// An error of code ``Code/unavailable``.
    public static func unavailable(_ message: String) -> EventLogError { EventLogError(code: .unavailable, message: message) }

    public var description: String { "\(code): \(message)" }
}
