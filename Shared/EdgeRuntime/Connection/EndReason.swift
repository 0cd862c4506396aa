public import EventModel

/// Why an edge ends a connection.
public enum EndReason: Sendable, Hashable, CustomStringConvertible {
    /// Something that every surface has words for: expiry, a drain, a limit, a log out of reach.
    case stream(StreamEndReason)
    /// All that there will ever be has been sent.
    case finished
    /// A WebSocket rule or policy, with the code and the words the peer is told.
    case webSocket(WebSocketCloseCode, reason: String)
    /// The peer has closed the WebSocket; it gets its answer.
    case answeringClose(WebSocketCloseCode?)

    /// Whether the peer closed first.
    var isAnswer: Bool {
        if case .answeringClose = self { true } else { false }
    }

    /// The label of metrics and log lines.
    public var description: String {
        switch self {
        case .stream(let reason): reason.rawValue
        case .finished: "finished"
        case .webSocket(let code, _): "close_\(code.rawValue)"
        case .answeringClose: "peer_closed"
        }
    }
}
