/// Why a connection ends and what its client is told: the one table of endings.
///
/// Every surface takes its reason, close code, JSON-RPC code and sentence from here, `/metrics` and the log their label. `docs/endings.md` shows the
/// same table, and a test compares the two. Contract §4, §5, §6.
public struct Ending: Sendable, Hashable, CustomStringConvertible {
    /// A row of the table. The raw value is the label of metrics and log lines, and the reason of `stream.end` where ``isSaidOnSSE``.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The token's `exp` has passed while the connection was open.
        case tokenExpired = "token_expired"
        /// The token is missing or not valid, on a surface that accepts the handshake before it checks the token.
        case unauthorized
        /// The `workspace` of the query is missing or not the token's tenant.
        case wrongWorkspace = "wrong_workspace"
        /// The process is about to stop.
        case draining
        /// The process has as many connections as it may have.
        case overloaded
        /// The tenant has as many connections as it may have.
        case limit
        /// The log is out of reach.
        case unavailable
        /// The server cannot do what it is asked for, through no fault of the client.
        case internalError = "internal_error"
        /// Everything was sent: the execution up to its final event, or the batch that was asked for.
        case finished
        /// The client reads too slowly, or not at all.
        case stalled
        /// The client has sent nothing for too long.
        case silent
        /// The client sends more messages in a minute than it may.
        case tooManyMessages = "too_many_messages"
        /// A binary message.
        case binaryMessage = "binary_message"
        /// A message above the limit of its length.
        case messageTooBig = "message_too_big"
        /// Text that is not UTF-8, or a compressed message that cannot be inflated.
        case invalidPayload = "invalid_payload"
        /// Any other breach of RFC 6455.
        case protocolError = "protocol_error"
        /// The client closed the connection.
        case peerClosed = "peer_closed"
        /// The client has acknowledged nothing for too long.
        case peerGone = "peer_gone"
        /// The socket reported an error.
        case socketFailed = "socket_failed"
        /// The log no longer has the rest of an event that was sent in part.
        case entryLost = "entry_lost"
    }

    /// What a client is to do after an ending.
    public enum Next: String, Sendable, Hashable, CaseIterable {
        /// Connect again with the last id, after a pause.
        case reconnect
        /// Get another token first.
        case newToken = "new token"
        /// Correct the client or its configuration: the same request ends in the same way.
        case correct
        /// Nothing is left to be had.
        case done
    }

    public let kind: Kind
    /// What only this connection can be told, in place of the row's sentence.
    private let detail: String?
    /// The close code that the peer sent and that its answer repeats. RFC 6455 §5.5.1.
    private(set) var peerCode: WebSocketCloseCode?

    /// An ending of that kind.
    ///
    /// - Parameter detail: what only this connection can be told, in place of the row's sentence; at most 123 bytes reach a WebSocket client.
    public init(_ kind: Kind, detail: String? = nil) {
        self.kind = kind
        self.detail = detail
    }

    /// The peer has closed its WebSocket, with that code or with none.
    static func peerClosed(with code: WebSocketCloseCode?) -> Ending {
        var ending = Ending(.peerClosed)
        ending.peerCode = code
        return ending
    }

    /// The label of metrics and log lines.
    public var description: String { self.kind.rawValue }

    /// What the client is told, as part of a close frame.
    public var sentence: String { self.detail ?? self.kind.sentence }

    /// Whether what is queued for the client is dropped at once: it does not read it, or has said that it no longer wants it.
    var dropsQueue: Bool { self.kind == .stalled || self.kind == .peerClosed }
}

extension Ending {
    /// The token has passed its `exp`.
    public static let tokenExpired = Ending(.tokenExpired)
    /// The edge shuts down.
    public static let draining = Ending(.draining)
    /// The edge cannot take another connection now.
    public static let overloaded = Ending(.overloaded)
    /// A limit on connections is reached.
    public static let limit = Ending(.limit)
    /// The log is unreachable.
    public static let unavailable = Ending(.unavailable)
    static let finished = Ending(.finished)
    static let stalled = Ending(.stalled)
    static let peerClosed = Ending(.peerClosed)
    static let peerGone = Ending(.peerGone)
    static let socketFailed = Ending(.socketFailed)
    static let entryLost = Ending(.entryLost)

    /// The peer broke a rule that its decoder watches over.
    init(violation code: WebSocketCloseCode, detail: String) {
        switch code {
        case .messageTooBig: self.init(.messageTooBig, detail: detail)
        case .invalidPayload: self.init(.invalidPayload, detail: detail)
        default: self.init(.protocolError, detail: detail)
        }
    }
}

/// The WebSocket surfaces, which have different codes for some endings.
public enum WebSocketSurface: Sendable, Hashable, CaseIterable {
    /// Contract §5.
    case workspace
    /// Contract §6.
    case relay
}

extension Ending.Kind {
    /// Whether a server-sent event `stream.end` says it, with the raw value as `reason`.
    public var isSaidOnSSE: Bool {
        switch self {
        case .tokenExpired, .draining, .overloaded, .limit, .unavailable: true
        default: false
        }
    }

    /// The code of the close frame; nil where the ending cannot occur on the surface, or the peer is gone.
    public func closeCode(on surface: WebSocketSurface) -> WebSocketCloseCode? {
        switch (self, surface) {
        case (.tokenExpired, .workspace), (.unauthorized, .workspace): .unauthorized
        case (.tokenExpired, .relay): .policyViolation
        case (.wrongWorkspace, .workspace): .wrongWorkspace
        case (.silent, .relay): .policyViolation
        case (.internalError, .workspace): .internalError
        case (.unauthorized, .relay), (.wrongWorkspace, .relay), (.silent, .workspace), (.internalError, .relay): nil
        case (.draining, _): .goingAway
        case (.overloaded, _), (.limit, _), (.stalled, _), (.tooManyMessages, _): .policyViolation
        case (.unavailable, _): .internalError
        case (.binaryMessage, _): .unacceptableData
        case (.messageTooBig, _): .messageTooBig
        case (.invalidPayload, _): .invalidPayload
        case (.protocolError, _): .protocolError
        case (.finished, _), (.peerClosed, _), (.peerGone, _), (.socketFailed, _), (.entryLost, _): nil
        }
    }

    /// The JSON-RPC error that goes before the relay's close frame; nil where the close frame says all.
    public var jsonRPCError: (code: Int, message: String)? { self == .tokenExpired ? (-32001, "Authentication expired") : nil }

    /// What the client is to do.
    public var next: Ending.Next {
        switch self {
        case .tokenExpired, .unauthorized: .newToken
        case .wrongWorkspace, .tooManyMessages, .binaryMessage, .messageTooBig, .invalidPayload, .protocolError: .correct
        case .finished: .done
        case .draining, .overloaded, .limit, .unavailable, .internalError, .stalled, .silent, .peerClosed, .peerGone, .socketFailed,
            .entryLost:
            .reconnect
        }
    }

    /// What happened and what to do, in at most the 123 bytes of a close frame.
    public var sentence: String {
        switch self {
        case .tokenExpired: "the token has expired: connect again with a new one"
        case .unauthorized: "the token is missing or not valid: connect again with another one"
        case .wrongWorkspace: "the workspace is missing or not the token's: name the token's tenant in the query"
        case .draining: "this server is about to stop: connect again"
        case .overloaded: "this server has as many connections as it may have: connect again later"
        case .limit: "the tenant has as many connections as it may have: close one, or connect again later"
        case .unavailable: "the event log is out of reach: connect again later"
        case .internalError: "the server failed: connect again later"
        case .finished: "everything that was asked for was sent"
        case .stalled: "the client reads too slowly: connect again and resume"
        case .silent: "the client sent nothing for too long: send a ping now and then"
        case .tooManyMessages: "the client sent too many messages or frames: send fewer"
        case .binaryMessage: "a binary message: send text"
        case .messageTooBig: "the message is too long: send shorter ones"
        case .invalidPayload: "the text is not valid UTF-8: send UTF-8"
        case .protocolError: "a breach of RFC 6455: correct the client"
        case .peerClosed: "the client closed the connection"
        case .peerGone: "the client acknowledges nothing"
        case .socketFailed: "the connection broke"
        case .entryLost: "the rest of an event is no longer in the log"
        }
    }
}
