/// What an edge makes of what a client sends after its handshake.
public enum Inbound: Sendable {
    /// It is read and dropped: server-sent events go one way.
    case ignored
    /// WebSocket frames.
    case webSocket(WebSocketRules)

    /// The handler of one connection; `nil` where nothing is listened to.
    func makeHandler() -> (any InboundHandler)? {
        switch self {
        case .ignored: nil
        case .webSocket(let rules): WebSocketHandler(rules: rules)
        }
    }
}

/// Makes sense of what one client sends. Used on its connection's loop only.
protocol InboundHandler: AnyObject {
    /// Bytes came in, cut anywhere. Returns what is to be done, in order.
    func received(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant) -> [InboundReaction]
}

/// What a connection does about something that came in.
enum InboundReaction: Sendable, Equatable {
    /// Send these bytes between two entries.
    case send([UInt8])
    /// Say goodbye.
    case end(EndReason)
}
