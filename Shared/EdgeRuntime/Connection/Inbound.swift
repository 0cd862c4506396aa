/// What an edge makes of what a client sends after its handshake.
public enum Inbound: Sendable {
    /// It is read and dropped: server-sent events go one way.
    case ignored
    /// WebSocket frames; whole messages go to the conversation, if there is one.
    case webSocket(WebSocketRules, conversation: ConversationMaker? = nil)

    /// Whether the client speaks another protocol than HTTP from here on.
    var isUpgrade: Bool {
        switch self {
        case .ignored: false
        case .webSocket: true
        }
    }

    /// The handler of one connection; `nil` where nothing is listened to.
    func makeHandler() -> (any InboundHandler)? {
        switch self {
        case .ignored: nil
        case .webSocket(let rules, let maker): WebSocketHandler(rules: rules, passesMessages: maker != nil)
        }
    }

    /// Makes the conversation of a connection; nil for surfaces without one.
    func makeConversation() -> (any Conversation)? {
        guard case .webSocket(_, let maker?) = self else { return nil }
        return maker()
    }
}
