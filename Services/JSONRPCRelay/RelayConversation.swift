import AccessControl
import Basics
import EdgeRuntime
import EventModel

/// What connections of the relay with the same compression share.
final class RelayProfile: Sendable {
    let bus: CommandBus
    let rules: WebSocketRules
    let encoder: RelayEncoder

    init(bus: CommandBus, rules: WebSocketRules, encoder: RelayEncoder) {
        self.bus = bus
        self.rules = rules
        self.encoder = encoder
    }
}

/// Runs one client's engine on its delivery loop: carries out the engine's actions on the connection and on the bus.
final class RelayConversation: Conversation {
    /// A client's command session, and the link that carries updates back. Created by the first command, or at the handshake if that has a trace.
    private final class CommandChannel {
        let link = ConversationLink<News>()
        let traceparent: String?
        /// Nil until the first command.
        var session: CommandSession?

        init(traceparent: String?) { self.traceparent = traceparent }
    }

    // Kept small: an idle connection holds one.

    private var engine: RelayEngine
    private let profile: RelayProfile
    /// The roles of the token.
    private var roles: Set<Role>
    private var commands: CommandChannel?

    /// An update on a command, in transit to the loop.
    struct News: Sendable {
        let token: CommandToken
        let update: CommandUpdate
    }

    /// - Parameters:
    ///   - lastEventID: the cursor of the handshake; nil for none.
    ///   - traceparent: the trace of the handshake; nil for none.
    init(profile: RelayProfile, roles: Set<Role>, traceparent: String?, lastEventID: String?) {
        self.engine = RelayEngine(lastEventID: lastEventID)
        self.profile = profile
        self.roles = roles
        if let traceparent { commands = CommandChannel(traceparent: traceparent) }
    }

    var link: ConversationLink<News>? { commands?.link }

    func received(_ text: [UInt8], from client: ConversationClient, now: MonotonicInstant) -> [ConversationStep] {
        self.steps(for: self.engine.receive(text, from: client, now: now, makeULID: self.profile.encoder.makeULID), client)
    }

    var heldBytes: Int { self.engine.heldBytes }

    func noted(_ news: News, position: UInt64) -> [ConversationStep] {
        switch news.update {
        case .progress(let progress): self.steps(for: self.engine.progressed(news.token, progress))
        case .completed(let outcome): self.steps(for: self.engine.completed(news.token, outcome))
        }
    }

    func resumed(_ key: String, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        guard let id = SubscriptionID(key) else { return position }
        return self.engine.resumed(id, after: sequence, position: position, end: end)
    }

    func verdict(on sequences: ClosedRange<UInt64>, of topic: Topic?) -> RunVerdict {
        guard let topic else { return .none }
        return self.engine.subscriptions.verdict(on: sequences, of: topic)
    }

    var subscribed: [TopicSubscription] { self.engine.subscriptions.topics }

    func logReplaced(position: UInt64) { self.engine.logReplaced(position: position) }

    var requiredRoles: Set<Role> { RelayRoute.roles }

    func authenticated(_ request: UInt64, _ answer: RenewalAnswer) -> [ConversationStep] {
        if case .renewed(let principal) = answer { self.roles = principal.roles }
        return self.steps(for: self.engine.authenticated(CommandToken(number: request), answer))
    }

    func ended() { _ = self.steps(for: self.engine.closed()) }

    /// - Parameter client: nil where no text of the client is handled: only that begins commands.
    private func steps(for outputs: [RelayOutput], _ client: ConversationClient? = nil) -> [ConversationStep] {
        var steps: [ConversationStep] = []
        for output in outputs {
            switch output {
            case .send(let text): steps.append(.send(text))
            case .command(let command): if let client { self.send(command, of: client) }
            case .cancel(let token): self.commands?.session?.cancel(token)
            case .authenticate(let request, let token): steps.append(.authenticate(request.number, token: token))
            case .writeIDs: steps.append(.write(self.profile.encoder.withIDs))
            case .resume(let id, let cursor): steps.append(.resume(id.text, after: cursor))
            }
        }
        return steps
    }

    private func send(_ command: RelayCommand, of client: ConversationClient) {
        // Always present: only an accepted token gets a conversation.
        guard let user = client.user else { return }
        let channel = self.commands ?? CommandChannel(traceparent: nil)
        self.commands = channel
        let caller = CommandCaller(tenant: client.tenant, user: user, roles: self.roles, traceparent: channel.traceparent)
        let link = channel.link
        var session = channel.session ?? self.profile.bus.session(for: caller) { link.post(News(token: $0, update: $1)) }
        session.caller = caller
        channel.session = session
        session.send(command)
    }
}
