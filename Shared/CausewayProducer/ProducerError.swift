public import Basics
import EventLog
import EventModel
import NATSClient

/// Why an event was not published, or not known to be.
///
/// ``message`` is a sentence that says what to do. It holds neither a payload nor a secret.
public struct ProducerError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure; compare with the static members. New kinds may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidEvent, conflict, tooLarge, unavailable, timeout, full, refused, cancelled, closed
        }

        private let kind: Kind

        /// The event breaks a rule of the wire contract; nothing was sent. ``ProducerError/field`` says where.
        public static let invalidEvent = Code(kind: .invalidEvent)
        /// The event's id, or the request's key, stands for another content; or what the event asks for is decided; or the execution that it names has
        /// ended, or another one is running. The event was not stored. ``ProducerError/field`` says which.
        public static let conflict = Code(kind: .conflict)
        /// The event is larger than the bus takes; it was not sent. The message names the limit.
        public static let tooLarge = Code(kind: .tooLarge)
        /// The bus or the log on it was out of reach for as long as was waited. Retriable.
        public static let unavailable = Code(kind: .unavailable)
        /// No acknowledgement came in time: the event may or may not be stored. Retriable.
        public static let timeout = Code(kind: .timeout)
        /// The server has no room for more. Retriable, though hardly at once.
        public static let full = Code(kind: .full)
        /// The bus or the log does not take this, and will not until somebody changes something: credentials, permissions, limits, the stream.
        public static let refused = Code(kind: .refused)
        /// The task was cancelled; what was under way may or may not be stored.
        public static let cancelled = Code(kind: .cancelled)
        /// The producer was closed.
        public static let closed = Code(kind: .closed)

        public var description: String { kind.rawValue }
    }

    /// What kind of failure.
    public let code: Code
    /// The path of the value that is at fault, such as `payload.incidentId`, or `[3].id` in a call with several events; nil unless the code is
    /// ``Code/invalidEvent``, ``Code/conflict`` or ``Code/tooLarge``.
    public let field: String?
    /// What happened and what to do, as a sentence.
    public let message: String

    /// Whether the same publish, with the same id, may well succeed later. It is stored once, however often it is repeated within two minutes.
    public var isRetriable: Bool { code == .unavailable || code == .timeout || code == .full }

    /// `code: field: message`.
    public var description: String { [code.description, field, message].compactMap(\.self).joined(separator: ": ") }

    /// Creates an error. The message must hold neither a payload nor a secret.
    public init(_ code: Code, _ message: String, field: String? = nil) {
        self.code = code
        self.field = field
        self.message = message
    }

    init(_ error: ValidationError) {
        code = .invalidEvent
        field = error.field
        message = error.message
    }

    init(_ error: EventLogError) {
        let code: Code =
            switch error.code {
            case .unavailable, .busy: .unavailable
            case .timeout: .timeout
            case .full: .full
            case .conflict: .conflict
            case .tooLarge: .tooLarge
            case .cancelled: .cancelled
            case .closed: .closed
            default: .refused
            }
        let field = error.field.map { field in error.index.map { "[\($0)].\(field)" } ?? field }
        self.init(code, error.message, field: field)
    }

    init(_ error: NATSError) {
        let code: Code =
            switch error.code {
            case .closed: .closed
            case .cancelled: .cancelled
            default: error.isRetriable ? .unavailable : .refused
            }
        self.init(code, error.message)
    }
}
