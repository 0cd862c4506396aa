import Basics

/// Handles input of a WebSocket connection: answers pings and closes, passes texts to the conversation, or finds tokens in them, and
/// rejects violations. RFC 6455. Used on its connection's loop only.
///
/// Holds a decoder only while a message is incomplete; an idle connection needs a few words of memory.
final class WebSocketHandler {
    private final class Pending {
        let decoder: WebSocketDecoder

        init(_ decoder: WebSocketDecoder) { self.decoder = decoder }
    }

    /// How a client's texts are handled. All count towards the limit of messages.
    enum Texts {
        case dropped
        /// Texts are passed to the conversation.
        case conversation(any Conversation)
        /// A text in which the reader finds a token renews the connection's; others are dropped.
        case renewals(RenewalReader)
    }

    // Kept small: an idle connection holds one.

    private let rules: WebSocketRules
    private let texts: Texts
    /// Zero until input arrives or silence is first checked.
    private var heardAt = MonotonicInstant(nanoseconds: 0)
    /// State of an incomplete message; boxed, because it is nearly always absent.
    private var pending: Pending?
    private var frames = CompactTokenBucket()
    /// When the minute began in which messages are counted, in milliseconds since boot, wrapped around; and their number in it: 0 before the first one.
    private var minuteBegan: UInt32 = 0
    private var messages: UInt32 = 0

    init(rules: WebSocketRules, texts: Texts) {
        self.rules = rules
        self.texts = texts
    }

    /// The conversation that texts are passed to, if any.
    var conversation: (any Conversation)? { if case .conversation(let conversation) = self.texts { conversation } else { nil } }

    /// Decodes bytes, cut anywhere, as far as `budget` allows, between two frames. Returns the number of bytes taken, and the reactions in
    /// order; after an ``InboundReaction/end(_:)`` nothing is taken.
    func received(
        _ bytes: UnsafeRawBufferPointer,
        now: MonotonicInstant,
        budget: inout InputBudget
    ) -> (taken: Int, reactions: [InboundReaction]) {
        self.heardAt = now
        var decoder =
            self.pending?.decoder
            ?? WebSocketDecoder(maxMessageBytes: self.rules.maxMessageBytes, allowsCompression: self.rules.allowsCompression)
        self.pending = nil
        var reactions: [InboundReaction] = []
        var passed = 0
        let framesBefore = budget.frames
        let taken = decoder.decode(bytes, budget: &budget) { input in
            // A turn has room for only one long message.
            passed += self.cost(of: input)
            guard let reaction = self.react(to: input, now: now) else { return passed < InputBudget.turn }
            reactions.append(reaction)
            if case .end = reaction { return false }
            return passed < InputBudget.turn
        }
        budget.spend(passed)
        if !self.countFrames(budget.frames - framesBefore, now) {
            let limit = self.rules.maxFramesPerSecond
            reactions.append(.end(Ending(.tooManyMessages, detail: "the client sent more than \(limit) frames in a second: send fewer")))
        }
        self.pending = decoder.isIdle ? nil : Pending(decoder)
        return (taken, reactions)
    }

    /// Counts frames, of complete messages or not. Returns whether the limit allows them.
    private func countFrames(_ count: Int, _ now: MonotonicInstant) -> Bool {
        guard count > 0 else { return true }
        let limit = Double(self.rules.maxFramesPerSecond)
        return self.frames.take(count, perSecond: limit, burst: 10 * limit, at: now)
    }

    /// Reading from the client has resumed after a pause: measures the client's silence from now on.
    func listensAgain(now: MonotonicInstant) { self.heardAt = now }

    /// Checks the client's silence, at each heartbeat. Returns the ending of a client that has sent nothing for too long.
    func silence(now: MonotonicInstant) -> Ending? {
        guard let limit = self.rules.silenceLimit else { return nil }
        guard self.heardAt.nanoseconds > 0 else {
            // The first check counts the handshake as input, and measures from now.
            self.heardAt = now
            return nil
        }
        guard self.heardAt.advanced(by: limit) <= now else { return nil }
        return Ending(.silent, detail: "the client sent nothing for \(limit.components.seconds) s: send a ping now and then")
    }

    private func react(to input: WebSocketInput, now: MonotonicInstant) -> InboundReaction? {
        switch input {
        case .text(let text):
            return self.counted(now) ?? self.reaction(to: text)
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

    private func reaction(to text: [UInt8]) -> InboundReaction? {
        switch self.texts {
        case .dropped: nil
        case .conversation: .pass(text)
        case .renewals(let reader): reader.token(in: text).map { .authenticate($0) }
        }
    }

    /// The cost of handling an input, besides its bytes: that of parsing a text, whether a token is found in it or not. Verifying a token takes less time.
    private func cost(of input: WebSocketInput) -> Int {
        guard case .text(let text) = input else { return 0 }
        let isParsed =
            switch self.texts {
            case .dropped: false
            case .conversation: true
            // Other texts are refused at their first byte.
            case .renewals: text.first { $0 > UInt8(ascii: " ") } == UInt8(ascii: "{")
            }
        return isParsed ? InputBudget.message + InputBudget.messageByte * text.count : 0
    }

    /// Counts a message; returns the ending when the limit is exceeded.
    private func counted(_ now: MonotonicInstant) -> InboundReaction? {
        let milliseconds = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
        if self.messages > 0, milliseconds &- self.minuteBegan < 60_000 {
            self.messages &+= 1
        } else {
            (self.minuteBegan, self.messages) = (milliseconds, 1)
        }
        guard self.messages > self.rules.maxMessagesPerMinute else { return nil }
        return .end(
            Ending(
                .tooManyMessages,
                detail: "the client sent more than \(self.rules.maxMessagesPerMinute) messages in a minute: send fewer"
            )
        )
    }
}
