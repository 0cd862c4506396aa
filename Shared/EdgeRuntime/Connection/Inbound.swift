/// How an edge handles input after the handshake.
public enum Inbound: Sendable {
    /// Read and dropped: server-sent events are one-way.
    case ignored
    /// WebSocket frames; whole texts go to the conversation, if there is one, else to the reader of renewals, if there is one.
    case webSocket(WebSocketRules, renewals: RenewalReader? = nil, conversation: ConversationMaker? = nil)

    /// Whether the connection changes from HTTP to another protocol.
    var isUpgrade: Bool {
        switch self {
        case .ignored: false
        case .webSocket: true
        }
    }

    /// Creates the input handler of a connection; `nil` where input is ignored.
    func makeHandler() -> WebSocketHandler? {
        switch self {
        case .ignored: nil
        case .webSocket(let rules, _, .some): WebSocketHandler(rules: rules, texts: .conversation)
        case .webSocket(let rules, let reader, nil): WebSocketHandler(rules: rules, texts: reader.map { .renewals($0) } ?? .dropped)
        }
    }

    /// Creates the conversation of a connection; nil for surfaces without one.
    func makeConversation() -> (any Conversation)? {
        guard case .webSocket(_, _, let maker?) = self else { return nil }
        return maker()
    }
}
