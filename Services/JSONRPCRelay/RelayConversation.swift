import AccessControl
import Basics
import EdgeRuntime
import EventModel

/// Runs one client's engine on its delivery loop: carries out the engine's actions on the connection and on the bus.
final class RelayConversation: Conversation {
    private var engine: RelayEngine
    private var subscriptions = SubscriptionSet()
    /// Subscriptions whose cursor lookup is pending, by id.
    private var resuming: [String: Subscription] = [:]
    private let encoder: RelayEncoder
    private var writesIDs = false
    private var session: CommandSession
    let link: ConversationLink<News>

    /// An update on a command, in transit to the loop.
    struct News: Sendable {
        let token: CommandToken
        let update: CommandUpdate
    }

    /// - Parameter lastEventID: the cursor of the handshake; nil for none.
    init(encoder: RelayEncoder, caller: CommandCaller, lastEventID: String?, bus: CommandBus) {
        self.engine = RelayEngine(lastEventID: lastEventID, makeULID: encoder.makeULID)
        self.encoder = encoder
        let link = ConversationLink<News>()
        self.link = link
        self.session = bus.session(for: caller) { token, update in link.post(News(token: token, update: update)) }
    }

    func received(_ text: [UInt8], position: UInt64, end: UInt64, now: MonotonicInstant) -> [ConversationStep] {
        self.steps(for: self.engine.receive(text, now: now), position: position, end: end)
    }

    var heldBytes: Int { self.engine.commands.heldBytes }

    func noted(_ news: News, position: UInt64) -> [ConversationStep] {
        switch news.update {
        case .progress(let progress): return self.steps(for: self.engine.progressed(news.token, progress), position: position)
        case .completed(let outcome): return self.steps(for: self.engine.completed(news.token, outcome), position: position)
        }
    }

    func resumed(_ key: String, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        // Nil when it was removed in the meantime.
        guard let subscription = self.resuming.removeValue(forKey: key) else { return position }
        return self.subscriptions.insert(subscription, from: sequence, position: position, end: end)
    }

    func admits(sequence: UInt64, topic: IncidentID?, type: EventType) -> Bool {
        guard !self.subscriptions.isEmpty, let topic else { return false }
        return self.subscriptions.admits(sequence: sequence, incidentID: topic, type: type)
    }

    var subscribed: [TopicSubscription] { self.subscriptions.topics }

    func logReplaced(position: UInt64) { self.subscriptions.restart(at: position) }

    var requiredRoles: Set<Role> { RelayRoute.roles }

    func authenticated(_ request: UInt64, _ answer: RenewalAnswer) -> [ConversationStep] {
        if case .renewed(let principal) = answer { self.session.caller.renew(by: principal) }
        return self.steps(for: self.engine.authenticated(CommandToken(number: request), answer), position: 0)
    }

    func ended() { _ = self.steps(for: self.engine.closed(), position: 0) }

    /// - Parameter end: where a subscription without a cursor begins; only a client's text asks for one.
    private func steps(for outputs: [RelayOutput], position: UInt64, end: UInt64 = .max) -> [ConversationStep] {
        var steps: [ConversationStep] = []
        for output in outputs {
            switch output {
            case .send(let text): steps.append(.send(text))
            case .command(let command): self.session.send(command)
            case .cancel(let token): self.session.cancel(token)
            case .authenticate(let request, let token): steps.append(.authenticate(request.number, token: token))
            case .subscribed(let subscription, nil):
                _ = self.subscriptions.insert(subscription, from: end, position: position, end: end)
            case .subscribed(let subscription, let cursor?):
                self.resuming[subscription.id] = subscription
                if !self.writesIDs {
                    self.writesIDs = true
                    steps.append(.write(self.encoder.withIDs))
                }
                steps.append(.resume(subscription.id, after: cursor))
            case .unsubscribed(let subscription):
                self.resuming[subscription.id] = nil
                self.subscriptions.remove(subscription, position: position)
            }
        }
        return steps
    }
}
