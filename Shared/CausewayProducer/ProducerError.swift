public import Basics
import EventLog
import EventModel
import NATSClient

/// Describes why an event was not published, or may not have been.
///
/// ``message`` is a sentence with the remedy, without payloads or secrets.
public struct ProducerError: ExplainedError, Sendable, Hashable, CustomStringConvertible {
    /// The kind of failure; compare with the static members. New kinds may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String {
            case invalidEvent, conflict, tooLarge, unavailable, timeout, full, refused, cancelled, closed
        }

        private let kind: Kind

        /// The event breaks a rule of the wire contract; nothing was sent. ``ProducerError/field`` names the value.
        public static let invalidEvent = Code(kind: .invalidEvent)
        /// Not stored: the event's id or the request's key is bound to other content, the approval is decided, the named execution has ended, or another
        /// one is running. ``ProducerError/field`` says which.
        public static let conflict = Code(kind: .conflict)
        /// The event exceeds the bus's limit; it was not sent. The message has the limit.
        public static let tooLarge = Code(kind: .tooLarge)
        /// The bus, or the log on it, was unreachable until the timeout. Retriable.
        public static let unavailable = Code(kind: .unavailable)
        /// No acknowledgement came in time: the event may or may not be stored. Retriable.
        public static let timeout = Code(kind: .timeout)
        /// The server is out of space. Retriable, after some time.
        public static let full = Code(kind: .full)
        /// Publishing fails until an operator changes credentials, permissions, limits or the stream.
        public static let refused = Code(kind: .refused)
        /// The calling task was cancelled; an event in flight may or may not be stored.
        public static let cancelled = Code(kind: .cancelled)
        /// The producer was closed.
        public static let closed = Code(kind: .closed)

        public var description: String { kind.rawValue }
    }

    /// The kind of failure.
    public let code: Code
    /// The path of the faulty value, such as `payload.incidentId`, or `[3].id` in a call with several events; nil unless the code is
    /// ``Code/invalidEvent``, ``Code/conflict`` or ``Code/tooLarge``.
    public let field: String?
    /// The error message: cause and remedy.
    public let message: String

    /// Whether a retry with the same id may succeed later. The event is stored once, however often it is retried within two minutes.
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
