public import Basics
public import EventModel

/// What a surface makes of one client's messages, and of which events that client asked for with them.
///
/// Made on the delivery loop of its connection, used and released there only; it needs no lock and must not block. What it learns
/// elsewhere comes back to it through its ``link``.
public protocol Conversation<Note>: AnyObject {
    /// What it is told from elsewhere.
    associatedtype Note: Sendable
    /// The way to it from elsewhere; always the same.
    var link: ConversationLink<Note> { get }
    /// A text came in. `position` is the sequence of the last entry that the connection has dealt with.
    func received(_ text: [UInt8], position: UInt64, now: MonotonicInstant) -> [ConversationStep]
    /// Something came through the link, in the order in which it was posted.
    func noted(_ note: Note, position: UInt64) -> [ConversationStep]
    /// The cursor of a ``ConversationStep/resume(_:after:)`` means the place behind `sequence`. What the client has missed since was told already.
    /// - Returns: The place from which the connection is to go through the log, not after `position`.
    func resumed(_ key: String, after sequence: UInt64, position: UInt64) -> UInt64
    /// Whether the entry that the connection has come to is for this client. Called for each entry of its tenant, perhaps more than once.
    func admits(sequence: UInt64, topic: IncidentID?, type: EventType) -> Bool
    /// The log is another one, whose sequences mean something else; the connection goes on after `position`.
    func logReplaced(position: UInt64)
    /// The connection is no more.
    func ended()
    /// Bytes that it holds until it can send them: they count as unsent.
    var heldBytes: Int { get }
}

/// Makes the conversation of a connection.
public typealias ConversationMaker = @Sendable () -> any Conversation

/// What a connection is to do for its conversation.
public enum ConversationStep: Sendable {
    /// Send a text message.
    case send([UInt8])
    /// Find out where a client's cursor is (contract §3), tell a gap if there is one, and report with ``Conversation/resumed(_:after:position:)``.
    case resume(String, after: String)
    /// From here on write events with another encoder.
    case write(any StreamEncoder)
}
