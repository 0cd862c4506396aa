public import AccessControl
public import Basics

/// Handles one client's messages on a surface, and decides which events that client receives.
///
/// Created, used and released on the delivery loop of its connection only: it needs no lock and must not block. Results from other threads
/// arrive through its ``link``.
public protocol Conversation<Note>: AnyObject {
    /// A message posted from another thread.
    associatedtype Note: Sendable
    /// The link for posting notes from any thread; nil until the conversation needs one, then always the same. Looked at after each text.
    var link: ConversationLink<Note>? { get }
    /// Handles a text message.
    func received(_ text: [UInt8], from client: ConversationClient, now: MonotonicInstant) -> [ConversationStep]
    /// Handles a note from the link, in the order of posting.
    func noted(_ note: Note, position: UInt64) -> [ConversationStep]
    /// Reports that the cursor of a ``ConversationStep/resume(_:after:)`` resolved to the position after `sequence`. A gap was
    /// sent already. `end` is the sequence of the last entry in the log.
    /// - Returns: The position from which the connection reads the log again; not after `position`.
    func resumed(_ key: String, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64
    /// Which entries with these sequences and this topic the client receives; not ``RunVerdict/each`` for a single one. Called for all entries of the
    /// tenant, perhaps more than once.
    func verdict(on sequences: ClosedRange<UInt64>, of topic: Topic?) -> RunVerdict
    /// The client's subscriptions, for operators.
    var subscribed: [TopicSubscription] { get }
    /// The log was replaced, and its sequences changed meaning; the connection continues after `position`.
    func logReplaced(position: UInt64)
    /// The roles of which a new token must have one; empty for any.
    var requiredRoles: Set<Role> { get }
    /// Handles the answer to a ``ConversationStep/authenticate(_:token:)``, unless it ended the connection.
    func authenticated(_ request: UInt64, _ answer: RenewalAnswer) -> [ConversationStep]
    /// The connection has ended.
    func ended()
    /// Bytes held until they can be sent: they count as unsent.
    var heldBytes: Int { get }
}

/// The client of a conversation, as its connection knows it when a text comes.
public struct ConversationClient: Sendable {
    /// The token's tenant.
    public var tenant: Tenant
    /// The token's user; nil where no token was accepted.
    public var user: UserID?
    /// The sequence of the last entry that the connection has handled.
    public var position: UInt64
    /// The sequence of the last entry in the log: differs from ``position`` while the connection reads what is older.
    public var end: UInt64

    /// Creates a client.
    public init(tenant: Tenant, user: UserID?, position: UInt64, end: UInt64) {
        self.tenant = tenant
        self.user = user
        self.position = position
        self.end = end
    }
}

/// Creates the conversation of a connection.
public typealias ConversationMaker = @Sendable () -> any Conversation

/// An action that a connection performs for its conversation.
public enum ConversationStep: Sendable {
    /// Send a text message.
    case send([UInt8])
    /// Resolve a client's cursor (contract §3), send a gap if there is one, and report by ``Conversation/resumed(_:after:position:end:)``.
    case resume(String, after: String)
    /// Write events with another encoder from here on.
    case write(any StreamEncoder)
    /// Renew the connection's token (contract §13), and report by ``Conversation/authenticated(_:_:)`` with the same number.
    case authenticate(UInt64, token: String)
}
