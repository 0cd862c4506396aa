/// Why a connection ends, and what its client is sent: the one table of endings.
///
/// Every surface takes its reason, close code, JSON-RPC code and sentence from here, and `/metrics` and the log take their labels.
/// `docs/endings.md` has the same table, and a test compares the two. Contract §4, §5, §6.
public struct Ending: Sendable, Hashable, CustomStringConvertible {
    /// A row of the table. The raw value is the label of metrics and log lines, and the reason of `stream.end` where ``isSaidOnSSE``.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The token's `exp` has passed while the connection was open.
        case tokenExpired = "token_expired"
        /// The token was revoked while the connection was open. Contract §13.
        case tokenRevoked = "token_revoked"
        /// The token is missing or not valid, on a surface that accepts the handshake before it checks the token; or the token by which a
        /// client renews the connection's is not valid, another user's, or lacks a role.
        case unauthorized
        /// The `workspace` of the query is missing or not the token's tenant.
        case wrongWorkspace = "wrong_workspace"
        /// The process is about to stop.
        case draining
        /// The process has reached its limit of connections.
        case overloaded
        /// The tenant has reached its limit of connections.
        case limit
        /// The log is out of reach.
        case unavailable
        /// The server cannot serve the request, through no fault of the client.
        case internalError = "internal_error"
        /// Everything was sent: the execution up to its final event, or the requested batch.
        case finished
        /// The client reads too slowly, or not at all.
        case stalled
        /// The client has sent nothing for too long.
        case silent
        /// The client exceeds the limit of messages per minute.
        case tooManyMessages = "too_many_messages"
        /// A binary message.
        case binaryMessage = "binary_message"
        /// A message above the size limit.
        case messageTooBig = "message_too_big"
        /// Text that is not UTF-8, or a compressed message that cannot be inflated.
        case invalidPayload = "invalid_payload"
        /// Any other violation of RFC 6455.
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

    /// The client's next step after an ending.
    public enum Next: String, Sendable, Hashable, CaseIterable {
        /// Reconnect with the last id, after a pause.
        case reconnect
        /// Get another token first.
        case newToken = "new token"
        /// Correct the client or its configuration: the same request ends in the same way.
        case correct
        /// Nothing: the stream is complete.
        case done
    }

    public let kind: Kind
    /// Replaces the row's sentence with details of this connection.
    private let detail: String?
    /// The close code sent by the peer, which the answer repeats. RFC 6455 §5.5.1.
    private(set) var peerCode: WebSocketCloseCode?

    /// Creates an ending.
    ///
    /// - Parameter detail: replaces the row's sentence with details of this connection; at most 123 bytes reach a WebSocket client.
    public init(_ kind: Kind, detail: String? = nil) {
        self.kind = kind
        self.detail = detail
    }

    /// The peer has closed its WebSocket, with that code or without one.
    static func peerClosed(with code: WebSocketCloseCode?) -> Ending {
        var ending = Ending(.peerClosed)
        ending.peerCode = code
        return ending
    }

    /// The label of metrics and log lines.
    public var description: String { self.kind.rawValue }

    /// The text for the client: the reason in a close frame, the message of an error.
    public var sentence: String { self.detail ?? self.kind.sentence }

    /// Whether queued messages are dropped at once: the client does not read them, may not read them any more, or has closed the connection.
    var dropsQueue: Bool { self.kind == .stalled || self.kind == .tokenRevoked || self.kind == .peerClosed }
}

extension Ending {
    /// The token has passed its `exp`.
    public static let tokenExpired = Ending(.tokenExpired)
    /// The token was revoked.
    public static let tokenRevoked = Ending(.tokenRevoked)
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

    /// The peer violated a rule that the decoder checks.
    init(violation code: WebSocketCloseCode, detail: String) {
        switch code {
        case .messageTooBig: self.init(.messageTooBig, detail: detail)
        case .invalidPayload: self.init(.invalidPayload, detail: detail)
        default: self.init(.protocolError, detail: detail)
        }
    }
}

/// The WebSocket surfaces; some endings have different codes on them.
public enum WebSocketSurface: Sendable, Hashable, CaseIterable {
    /// Contract §5.
    case workspace
    /// Contract §6.
    case relay
}

extension Ending.Kind {
    /// Whether it is sent as a server-sent event `stream.end`, with the raw value as `reason`.
    public var isSaidOnSSE: Bool {
        switch self {
        case .tokenExpired, .tokenRevoked, .draining, .overloaded, .limit, .unavailable: true
        default: false
        }
    }

    /// The code of the close frame; nil where the ending cannot occur on the surface, or the peer is gone.
    public func closeCode(on surface: WebSocketSurface) -> WebSocketCloseCode? {
        switch (self, surface) {
        case (.tokenExpired, .workspace), (.tokenRevoked, .workspace), (.unauthorized, .workspace): .unauthorized
        case (.tokenExpired, .relay), (.tokenRevoked, .relay), (.unauthorized, .relay): .policyViolation
        case (.wrongWorkspace, .workspace): .wrongWorkspace
        case (.silent, .relay): .policyViolation
        case (.internalError, .workspace): .internalError
        case (.wrongWorkspace, .relay), (.silent, .workspace), (.internalError, .relay): nil
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

    /// The JSON-RPC error sent before the relay's close frame; nil where the close frame is sufficient.
    public var jsonRPCError: (code: Int, message: String)? {
        switch self {
        case .tokenExpired: (-32001, "Authentication expired")
        case .tokenRevoked: (-32001, "Authentication revoked")
        case .unauthorized: (-32001, "Authentication failed")
        default: nil
        }
    }

    /// The client's next step.
    public var next: Ending.Next {
        switch self {
        case .tokenExpired, .tokenRevoked, .unauthorized: .newToken
        case .wrongWorkspace, .tooManyMessages, .binaryMessage, .messageTooBig, .invalidPayload, .protocolError: .correct
        case .finished: .done
        case .draining, .overloaded, .limit, .unavailable, .internalError, .stalled, .silent, .peerClosed, .peerGone, .socketFailed,
            .entryLost:
            .reconnect
        }
    }

    /// What happened and what to do, in at most 123 bytes, the limit of a close frame.
    public var sentence: String {
        switch self {
        case .tokenExpired: "the token has expired: connect again with a new one"
        case .tokenRevoked: "the token was revoked: connect again with another one"
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
