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

    /// Creates the input handler of a connection, with its conversation if the surface has one; nil where input is ignored.
    ///
    /// - Parameter isAdmitted: false for a connection that is refused, with which there is no conversation.
    func makeHandler(admitted isAdmitted: Bool) -> WebSocketHandler? {
        switch self {
        case .ignored: nil
        case .webSocket(let rules, let reader, let maker):
            if let maker {
                WebSocketHandler(rules: rules, texts: isAdmitted ? .conversation(maker()) : .dropped)
            } else {
                WebSocketHandler(rules: rules, texts: reader.map { .renewals($0) } ?? .dropped)
            }
        }
    }
}
