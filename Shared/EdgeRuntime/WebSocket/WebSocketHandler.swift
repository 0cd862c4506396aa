/// The inbound half of a WebSocket connection: answers pings and closes, passes texts on where somebody listens, refuses what breaks
/// a rule. RFC 6455.
///
/// Holds a decoder only while a message is incomplete; an idle connection costs a few words.
final class WebSocketHandler: InboundHandler {
    private final class Pending {
        let decoder: WebSocketDecoder

        init(_ decoder: WebSocketDecoder) { self.decoder = decoder }
    }

    private let rules: WebSocketRules
    private let passesMessages: Bool
    private var heardAt: MonotonicInstant?
    /// Of an incomplete message; apart, because there is none nearly always.
    private var pending: Pending?
    private var window: (start: MonotonicInstant, count: Int)?

    /// - Parameter passesMessages: Whether there is a conversation that texts are for; else they are counted and dropped.
    init(rules: WebSocketRules, passesMessages: Bool) {
        self.rules = rules
        self.passesMessages = passesMessages
    }

    func received(_ bytes: UnsafeRawBufferPointer, now: MonotonicInstant) -> [InboundReaction] {
        self.heardAt = now
        var decoder =
            self.pending?.decoder
            ?? WebSocketDecoder(maxMessageBytes: self.rules.maxMessageBytes, allowsCompression: self.rules.allowsCompression)
        var reactions: [InboundReaction] = []
        decoder.decode(bytes) { input in
            // What follows an end is not heard.
            if case .end? = reactions.last { return }
            if let reaction = self.react(to: input, now: now) { reactions.append(reaction) }
        }
        self.pending = decoder.isIdle ? nil : Pending(decoder)
        return reactions
    }

    func listensAgain(now: MonotonicInstant) { self.heardAt = now }

    func silence(now: MonotonicInstant) -> Ending? {
        guard let limit = self.rules.silenceLimit else { return nil }
        guard let heardAt = self.heardAt else {
            // The handshake counts as heard.
            self.heardAt = now
            return nil
        }
        guard heardAt.advanced(by: limit) <= now else { return nil }
        return Ending(.silent, detail: "the client sent nothing for \(limit.components.seconds) s: send a ping now and then")
    }

    private func react(to input: WebSocketInput, now: MonotonicInstant) -> InboundReaction? {
        switch input {
        case .text(let text):
            return self.counted(now) ?? (self.passesMessages ? .pass(text) : nil)
        case .pong:
            return self.counted(now)
        case .ping(let payload):
            return self.counted(now) ?? .send(WebSocketFrame.control(.pong, payload))
        case .binary:
            return .end(Ending(.binaryMessage))
        case .close(let code):
            return .end(.peerClosed(with: code))
        case .violation(let code, let reason):
            return .end(Ending(violation: code, detail: reason))
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
        return .end(
            Ending(
                .tooManyMessages,
                detail: "the client sent more than \(self.rules.maxMessagesPerMinute) messages in a minute: send fewer"
            )
        )
    }
}
