/// What a WebSocket surface allows its clients.
public struct WebSocketRules: Sendable {
    /// The longest message, in bytes. Contract §5: 64 KiB.
    public var maxMessageBytes = 64 * 1024
    /// The most data messages and pings in any minute; beyond it the connection is closed with 1008.
    public var maxMessagesPerMinute = 600

    public init() {}
}

/// The inbound half of a WebSocket connection: answers pings and closes, refuses what breaks a rule. RFC 6455.
///
/// Holds a decoder only while a message is incomplete; an idle connection costs a few words.
final class WebSocketHandler: InboundHandler {
    private let rules: WebSocketRules
    private var decoder: WebSocketDecoder?
    private var window: (start: MonotonicInstant, count: Int)?

    init(rules: WebSocketRules) { self.rules = rules }

    func received(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant) -> [InboundReaction] {
        var decoder = self.decoder ?? WebSocketDecoder(maxMessageBytes: self.rules.maxMessageBytes)
        var reactions: [InboundReaction] = []
        decoder.decode(bytes) { input in
            // What follows an end is not heard.
            if case .end? = reactions.last { return }
            if let reaction = self.react(to: input, now: now) { reactions.append(reaction) }
        }
        self.decoder = decoder.isIdle ? nil : decoder
        return reactions
    }

    private func react(to input: WebSocketInput, now: MonotonicInstant) -> InboundReaction? {
        switch input {
        case .text, .pong:
            return self.counted(now)
        case .ping(let payload):
            return self.counted(now) ?? .send(WebSocketFrame.control(.pong, payload))
        case .binary:
            return .end(.webSocket(.unacceptableData, reason: "this surface takes text only"))
        case .close(let code):
            return .end(.answeringClose(code))
        case .violation(let code, let reason):
            return .end(.webSocket(code, reason: reason))
        }
    }

    /// Counts a message; the end of the connection when there were too many.
    private func counted(_ now: MonotonicInstant) -> InboundReaction? {
        if let window = self.window, now < window.start.advanced(by: .seconds(60)) {
            self.window = (window.start, window.count + 1)
        } else {
            self.window = (now, 1)
        }
        guard let window = self.window, window.count > self.rules.maxMessagesPerMinute else { return nil }
        return .end(.webSocket(.policyViolation, reason: "more than \(self.rules.maxMessagesPerMinute) messages in a minute"))
    }
}
