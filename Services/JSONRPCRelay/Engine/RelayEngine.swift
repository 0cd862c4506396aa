import AccessControl
import Basics
import EdgeRuntime
import EventModel

/// State machine of one client's connection (contract §6): takes the client's texts and returns actions. A pure value.
///
/// It handles JSON-RPC, the relay's own methods, the connection's subscriptions and the pending commands. It has no access to sockets,
/// the bus or the log: its owner carries out the ``RelayOutput``s, in order, and reports the outcomes of commands.
struct RelayEngine: Sendable {
    /// The bounds of one connection.
    struct Limits: Sendable {
        /// The most subscriptions (contract §6).
        var subscriptions = 256
        /// The most pending commands. One without an id counts as pending for ``unansweredTime``.
        var outstandingCommands = 32
        /// The time for which a command without an id counts as pending: its end is not reported.
        var unansweredTime: Duration = .seconds(1)
        /// The most subscription changes per second, on average: each may cause log reads.
        var subscriptionChangesPerSecond = 50.0
        /// The burst of changes: all subscriptions of a connection, twice.
        var subscriptionChangesAtOnce = 512.0
    }

    /// The limits of every connection.
    static let limits = Limits()

    /// State that a connection needs only for a handshake cursor, commands, renewals or batches.
    private struct OptionalState: Sendable {
        /// The cursor of the handshake, the default for subscriptions that name none.
        var lastEventID: String?
        var commands = CommandLedger()
        /// The times until which commands without an id count as pending, in order.
        var unanswered: [MonotonicInstant] = []
        var nextToken: UInt64 = 1
        var nextBatch: UInt64 = 1
    }

    /// What the handlers of a text need and the engine does not keep.
    private struct TextContext {
        let client: ConversationClient
        let now: MonotonicInstant
        let makeULID: @Sendable () -> String
    }

    // Kept small: an idle connection holds one.

    private(set) var subscriptions = SubscriptionSet()
    /// An array as a box: one word while it is empty.
    private var optionalState: [OptionalState] = []
    private var subscriptionChanges = CompactTokenBucket()
    /// Whether pushes carry `id`: true from the first subscription with a cursor on.
    private var pushesCarryIDs = false

    /// Creates the engine of a new connection.
    ///
    /// - Parameter lastEventID: the cursor of the handshake (contract §3); nil for none.
    init(lastEventID: String? = nil) {
        if let lastEventID { optional.lastEventID = lastEventID }
    }

    private var optional: OptionalState {
        get { optionalState.first ?? OptionalState() }
        _modify {
            if optionalState.isEmpty { optionalState.append(OptionalState()) }
            yield &optionalState[0]
        }
    }

    /// The pending commands and renewals.
    var commands: CommandLedger { optional.commands }

    /// The bytes of answers held for the rest of their batch.
    var heldBytes: Int { optionalState.isEmpty ? 0 : optionalState[0].commands.heldBytes }

    /// Handles a text of the client, complete and at most as long as the surface allows (64 KiB).
    ///
    /// - Parameter makeULID: returns a new ULID, for a subscription; contains the clock and the randomness.
    mutating func receive(
        _ text: [UInt8],
        from client: ConversationClient,
        now: MonotonicInstant,
        makeULID: @escaping @Sendable () -> String
    ) -> [RelayOutput] {
        let context = TextContext(client: client, now: now, makeULID: makeULID)
        var effects: [RelayOutput] = []
        let answer: [UInt8]?
        switch RPCMessage(reading: text) {
        case .unreadable(let error): answer = RPCEncoding.response(error: error, id: nil)
        case .single(let item): answer = handle(item, context, place: nil, &effects).response
        case .batch(let items): answer = handle(items, context, &effects)
        }
        // The answer comes first, so that nothing is pushed for a subscription before the client has its id.
        return (answer.map { [.send($0)] } ?? []) + effects
    }

    // MARK: Calls

    /// The answer to one call.
    private enum Disposition {
        case answered([UInt8])
        /// A notification or a response.
        case silent
        /// A command that is answered later.
        case waiting

        var response: [UInt8]? { if case .answered(let response) = self { response } else { nil } }
    }

    private mutating func handle(_ items: [RPCItem], _ context: TextContext, _ effects: inout [RelayOutput]) -> [UInt8]? {
        let batch = optional.nextBatch
        optional.nextBatch += 1
        var responses: [[UInt8]?] = []
        for item in items {
            switch handle(item, context, place: CommandLedger.Place(batch: batch, slot: responses.count), &effects) {
            case .answered(let response): responses.append(response)
            case .waiting: responses.append(nil)
            case .silent: break
            }
        }
        return optional.commands.close(batch: batch, responses: responses)
    }

    private mutating func handle(
        _ item: RPCItem,
        _ context: TextContext,
        place: CommandLedger.Place?,
        _ effects: inout [RelayOutput]
    ) -> Disposition {
        switch item {
        case .response: return .silent
        case .invalid(let error, let id): return .answered(RPCEncoding.response(error: error, id: id))
        case .request(let request):
            do throws(RPCError) {
                guard let result = try perform(request, context, place: place, &effects) else {
                    return request.id == nil ? .silent : .waiting
                }
                return request.id.map { .answered(RPCEncoding.response(result: result, id: $0)) } ?? .silent
            } catch {
                return request.id.map { .answered(RPCEncoding.response(error: error, id: $0)) } ?? .silent
            }
        }
    }

    /// Performs a call and returns its result; nil for a command or a renewal, whose result comes later if at all.
    private mutating func perform(
        _ request: RPCRequest,
        _ context: TextContext,
        place: CommandLedger.Place?,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8]? {
        if case .unusable(let error) = request.params { throw error }
        switch MethodName.own(request.method) {
        case .ping:
            if request.id == nil { effects.append(.send(RelayNotice.pong)) }
            return Array(#"{"pong":true}"#.utf8)
        case .authenticate:
            try authenticate(request, place: place, &effects)
            return nil
        case .subscribe(let family): return try subscribe(to: family, request.params, context, &effects)
        case .unsubscribe(let family): return try unsubscribe(from: family, request.params, context, &effects)
        case nil:
            try forward(request, at: context.now, place: place, &effects)
            return nil
        }
    }

    // MARK: Subscriptions

    private mutating func subscribe(
        to family: EventFamily,
        _ params: RPCParams,
        _ context: TextContext,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8] {
        let params = try SubscriptionParams(params)
        guard let incidentID = params.incidentID else { throw .invalidParams("params.incidentId is missing.") }
        try countSubscriptionChange(context.now)
        let limit = Self.limits.subscriptions
        guard subscriptions.count < limit else {
            throw .invalidParams("A connection may have at most \(limit) subscriptions. End one that is no longer needed.")
        }
        guard let id = SubscriptionID(ulid: context.makeULID().utf8) else { preconditionFailure("makeULID returned a malformed ULID") }
        let subscription = Subscription(id: id, topic: Topic(family: family, incidentID: incidentID))
        let cursor = params.lastEventID ?? optionalState.first?.lastEventID
        if let cursor {
            if !pushesCarryIDs { effects.append(.writeIDs) }
            pushesCarryIDs = true
            subscriptions.add(subscription)
            effects.append(.resume(id, after: cursor))
        } else {
            let client = context.client
            _ = subscriptions.insert(subscription, from: client.end, position: client.position, end: client.end)
        }
        return RPCEncoding.object(["subscriptionId": id.text, "incidentId": incidentID.text])
    }

    /// Removes the subscription of that id, or all of the family for an incident; the result names the newest of them.
    private mutating func unsubscribe(
        from family: EventFamily,
        _ params: RPCParams,
        _ context: TextContext,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8] {
        let params = try SubscriptionParams(params)
        guard params.subscriptionID != nil || params.incidentID != nil else {
            throw .invalidParams("params must have a subscriptionId or an incidentId.")
        }
        let ended = subscriptions.all.filter { subscription in
            subscription.topic.family == family
                && params.subscriptionID.map { SubscriptionID($0) == subscription.id } ?? true
                && params.incidentID.map { Topic(family: family, incidentID: $0) == subscription.topic } ?? true
        }
        try countSubscriptionChange(context.now)
        guard let newest = ended.last else { throw .subscriptionNotFound }
        subscriptions.remove(Set(ended.map(\.id)), of: newest.topic, position: context.client.position)
        return RPCEncoding.object(["subscriptionId": newest.id.text, "incidentId": newest.topic.incidentID.text], true: "unsubscribed")
    }

    /// Counts a subscription change against the rate limit.
    /// - Throws: -32005 when there were too many lately.
    private mutating func countSubscriptionChange(_ now: MonotonicInstant) throws(RPCError) {
        let perSecond = Self.limits.subscriptionChangesPerSecond
        guard subscriptionChanges.take(perSecond: perSecond, burst: Self.limits.subscriptionChangesAtOnce, at: now) else {
            throw .tooManySubscriptionChanges(perSecond: Int(perSecond))
        }
    }

    /// The cursor of a subscription is resolved to the place after `sequence`.
    ///
    /// - Returns: the connection's new position; see ``SubscriptionSet/begin(_:from:position:end:)``.
    mutating func resumed(_ id: SubscriptionID, after sequence: UInt64, position: UInt64, end: UInt64) -> UInt64 {
        subscriptions.begin(id, from: sequence, position: position, end: end)
    }

    /// The log was recreated: all subscriptions continue after `position`.
    mutating func logReplaced(position: UInt64) { subscriptions.restart(at: position) }

    // MARK: Renewal of the token

    private mutating func authenticate(_ request: RPCRequest, place: CommandLedger.Place?, _ effects: inout [RelayOutput]) throws(RPCError)
    {
        guard case .named(let object) = request.params, let token = (try? JSONMembers(object))?.text("token") else {
            throw .invalidParams(#"params must be an object with the token as a string: {"token":"…"}."#)
        }
        let number = CommandToken(number: optional.nextToken)
        optional.nextToken += 1
        if let id = request.id {
            optional.commands.insert(number, CommandLedger.Entry(id: id, method: request.method, place: place, isCommand: false))
        }
        effects.append(.authenticate(number, token: token))
    }

    /// Handles the answer to a renewal, unless it ended the connection.
    mutating func authenticated(_ number: CommandToken, _ answer: RenewalAnswer) -> [RelayOutput] {
        switch answer {
        case .renewed(let principal):
            return completed(number, .result(RPCEncoding.object(["expiresAt": principal.expiry.iso8601])))
        case .unavailable(let error): return completed(number, .failure(.internalError(error.message)))
        case .underWay: return completed(number, .failure(.renewalUnderWay))
        }
    }

    // MARK: Commands

    /// Returns the number of pending commands, with and without an id.
    private mutating func outstandingCommands(_ now: MonotonicInstant) -> Int {
        optional.unanswered.removeAll { $0 <= now }
        return optional.commands.count + optional.unanswered.count
    }

    private mutating func forward(
        _ request: RPCRequest,
        at now: MonotonicInstant,
        place: CommandLedger.Place?,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) {
        guard MethodName.isCommand(request.method) else { throw .methodNotFound }
        let token = CommandToken(number: optional.nextToken)
        let limit = Self.limits.outstandingCommands
        guard outstandingCommands(now) < limit else { throw .tooManyCommands(limit: limit) }
        if request.id == nil { optional.unanswered.append(now.advanced(by: Self.limits.unansweredTime)) }
        if let id = request.id {
            optional.commands.insert(token, CommandLedger.Entry(id: id, method: request.method, place: place))
        }
        optional.nextToken += 1
        effects.append(
            .command(
                RelayCommand(token: token, method: request.method, params: request.params.json, expectsAnswer: request.id != nil)
            )
        )
    }

    /// Handles the end of a command. Ignores commands that are unknown or already ended.
    mutating func completed(_ token: CommandToken, _ outcome: CommandOutcome) -> [RelayOutput] {
        guard !optionalState.isEmpty else { return [] }
        let text = optional.commands.settle(token) { entry in
            switch outcome {
            case .result(let result): RPCEncoding.response(result: result, id: entry.id)
            case .failure(let error): RPCEncoding.response(error: error, id: entry.id)
            }
        }
        return text.map { [.send($0)] } ?? []
    }

    /// Handles a command's progress: the JSON text of an object without a member `requestId`.
    func progressed(_ token: CommandToken, _ progress: [UInt8]) -> [RelayOutput] {
        guard let entry = optionalState.first?.commands[token] else { return [] }
        return [.send(RPCEncoding.progress(of: entry.method, id: entry.id, progress))]
    }

    /// Handles the disconnect: cancels pending commands. Keeps the subscriptions, which the report of the closed connection names.
    mutating func closed() -> [RelayOutput] {
        let pending = optionalState.first?.commands.tokens ?? []
        optionalState = []
        return pending.map { .cancel($0) }
    }
}
