import Basics
import EdgeRuntime
import EventModel

/// One client's side of the relay (contract §6): what it sends goes in, what is to be done comes out. A pure value.
///
/// It knows JSON-RPC, the relay's own methods, the connection's subscriptions and the commands under way. It knows neither sockets nor the bus nor
/// the log: whoever owns it carries out the ``RelayOutput``s, in order, and reports what becomes of the commands.
struct RelayEngine: Sendable {
    /// The bounds of one connection.
    struct Limits: Sendable {
        /// The most subscriptions (contract §6).
        var subscriptions = 256
        /// The most commands that may be under way. One that gets no answer counts as such for ``unansweredTime``.
        var outstandingCommands = 32
        /// How long a command without an id counts as one that is under way: nobody says when it has ended.
        var unansweredTime: Duration = .seconds(1)
        /// How many subscriptions may be begun or ended in a second, on average: each may cause readings of the log.
        var subscriptionChangesPerSecond = 50.0
        /// How many at once: all of a connection's, twice.
        var subscriptionChangesAtOnce = 512.0
    }

    let limits: Limits
    /// The place that the client named with its handshake: that of every subscription that names none.
    private let lastEventID: String?
    /// A new ULID for a subscription.
    private let makeULID: @Sendable () -> String
    /// In the order in which they were made; few enough to be searched.
    private(set) var subscriptions: [Subscription] = []
    /// Whether pushes carry `id`: from the first subscription with a cursor on.
    private(set) var pushesCarryIDs = false
    private(set) var commands = CommandLedger()
    /// When the text came in that is being carried out.
    private var now = MonotonicInstant(nanoseconds: 0)
    /// Until when commands without an id count as under way, in order.
    private var unanswered: [MonotonicInstant] = []
    private var subscriptionChanges: TokenBucket?
    private var nextToken: UInt64 = 1
    private var nextBatch: UInt64 = 1

    /// Creates the engine of a new connection.
    ///
    /// - Parameters:
    ///   - limits: its bounds.
    ///   - lastEventID: the cursor of the handshake (contract §3); nil for none.
    ///   - makeULID: gives a new ULID; holds the clock and the randomness.
    init(limits: Limits = Limits(), lastEventID: String? = nil, makeULID: @escaping @Sendable () -> String) {
        self.limits = limits
        self.lastEventID = lastEventID
        self.makeULID = makeULID
    }

    /// Takes in a text of the client, complete and at most as long as the surface allows (64 KiB).
    mutating func receive(_ text: [UInt8], now: MonotonicInstant = .now()) -> [RelayOutput] {
        self.now = now
        var effects: [RelayOutput] = []
        let answer: [UInt8]?
        switch RPCMessage(reading: text) {
        case .unreadable(let error): answer = RPCEncoding.response(error: error, id: nil)
        case .single(let item): answer = handle(item, place: nil, &effects).response
        case .batch(let items): answer = handle(items, &effects)
        }
        // The answer comes first, so that nothing is pushed for a subscription before the client has its id.
        return (answer.map { [.send($0)] } ?? []) + effects
    }

    // MARK: Calls

    /// What becomes of one call.
    private enum Disposition {
        case answered([UInt8])
        /// A notification or a response.
        case silent
        /// A command that is answered later.
        case waiting

        var response: [UInt8]? { if case .answered(let response) = self { response } else { nil } }
    }

    private mutating func handle(_ items: [RPCItem], _ effects: inout [RelayOutput]) -> [UInt8]? {
        let batch = nextBatch
        nextBatch += 1
        var responses: [[UInt8]?] = []
        for item in items {
            switch handle(item, place: CommandLedger.Place(batch: batch, slot: responses.count), &effects) {
            case .answered(let response): responses.append(response)
            case .waiting: responses.append(nil)
            case .silent: break
            }
        }
        return commands.close(batch: batch, responses: responses)
    }

    private mutating func handle(_ item: RPCItem, place: CommandLedger.Place?, _ effects: inout [RelayOutput]) -> Disposition {
        switch item {
        case .response: return .silent
        case .invalid(let error, let id): return .answered(RPCEncoding.response(error: error, id: id))
        case .request(let request):
            do throws(RPCError) {
                guard let result = try perform(request, place: place, &effects) else { return request.id == nil ? .silent : .waiting }
                return request.id.map { .answered(RPCEncoding.response(result: result, id: $0)) } ?? .silent
            } catch {
                return request.id.map { .answered(RPCEncoding.response(error: error, id: $0)) } ?? .silent
            }
        }
    }

    /// The result of a call; nil for a command, whose result comes later if at all.
    private mutating func perform(
        _ request: RPCRequest,
        place: CommandLedger.Place?,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8]? {
        if case .unusable(let error) = request.params { throw error }
        switch MethodName.own(request.method) {
        case .ping:
            if request.id == nil { effects.append(.send(RelayNotice.pong)) }
            return Array(#"{"pong":true}"#.utf8)
        case .subscribe(let family): return try subscribe(to: family, request.params, &effects)
        case .unsubscribe(let family): return try unsubscribe(from: family, request.params, &effects)
        case nil:
            try forward(request, place: place, &effects)
            return nil
        }
    }

    // MARK: Subscriptions

    private mutating func subscribe(to family: EventFamily, _ params: RPCParams, _ effects: inout [RelayOutput]) throws(RPCError) -> [UInt8]
    {
        let params = try SubscriptionParams(params)
        guard let incidentID = params.incidentID else { throw .invalidParams("params.incidentId is missing.") }
        try countSubscriptionChange()
        guard subscriptions.count < limits.subscriptions else {
            throw .invalidParams("A connection may have at most \(limits.subscriptions) subscriptions. End one that is no longer needed.")
        }
        let subscription = Subscription(id: "sub_\(makeULID())", topic: Topic(family: family, incidentID: incidentID))
        subscriptions.append(subscription)
        let cursor = params.lastEventID ?? lastEventID
        if cursor != nil { pushesCarryIDs = true }
        effects.append(.subscribed(subscription, lastEventID: cursor))
        return RPCEncoding.object(["subscriptionId": subscription.id, "incidentId": incidentID.text])
    }

    /// Ends the subscription of that id, or all that the family has for an incident; the result names the newest of them.
    private mutating func unsubscribe(
        from family: EventFamily,
        _ params: RPCParams,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8] {
        let params = try SubscriptionParams(params)
        guard params.subscriptionID != nil || params.incidentID != nil else {
            throw .invalidParams("params must have a subscriptionId or an incidentId.")
        }
        let ended = subscriptions.filter { subscription in
            subscription.topic.family == family
                && params.subscriptionID.map { $0 == subscription.id } ?? true
                && params.incidentID.map { Topic(family: family, incidentID: $0) == subscription.topic } ?? true
        }
        try countSubscriptionChange()
        guard let newest = ended.last else { throw .subscriptionNotFound }
        subscriptions.removeAll { ended.contains($0) }
        effects += ended.map { .unsubscribed($0) }
        return RPCEncoding.object(["subscriptionId": newest.id, "incidentId": newest.topic.incidentID.text], true: "unsubscribed")
    }

    /// Counts a subscription that is begun or ended.
    /// - Throws: -32005 when there were too many lately.
    private mutating func countSubscriptionChange() throws(RPCError) {
        let perSecond = limits.subscriptionChangesPerSecond
        var bucket =
            subscriptionChanges ?? TokenBucket(capacity: limits.subscriptionChangesAtOnce, perSecond: perSecond, at: now.sinceBoot)
        defer { subscriptionChanges = bucket }
        guard bucket.take(at: now.sinceBoot) else {
            throw .tooManySubscriptionChanges(perSecond: Int(perSecond))
        }
    }

    // MARK: Commands

    /// The commands that are under way, answered or not.
    private mutating func outstandingCommands() -> Int {
        unanswered.removeAll { $0 <= now }
        return commands.count + unanswered.count
    }

    private mutating func forward(_ request: RPCRequest, place: CommandLedger.Place?, _ effects: inout [RelayOutput]) throws(RPCError) {
        guard MethodName.isCommand(request.method) else { throw .methodNotFound }
        let token = CommandToken(number: nextToken)
        guard outstandingCommands() < limits.outstandingCommands else { throw .tooManyCommands(limit: limits.outstandingCommands) }
        if request.id == nil { unanswered.append(now.advanced(by: limits.unansweredTime)) }
        if let id = request.id {
            commands.insert(token, CommandLedger.Entry(id: id, method: request.method, place: place))
        }
        nextToken += 1
        effects.append(
            .command(
                RelayCommand(token: token, method: request.method, params: request.params.json, expectsAnswer: request.id != nil)
            )
        )
    }

    /// A command has ended. What has ended before, or is none, is ignored.
    mutating func completed(_ token: CommandToken, _ outcome: CommandOutcome) -> [RelayOutput] {
        let text = commands.settle(token) { entry in
            switch outcome {
            case .result(let result): RPCEncoding.response(result: result, id: entry.id)
            case .failure(let error): RPCEncoding.response(error: error, id: entry.id)
            }
        }
        return text.map { [.send($0)] } ?? []
    }

    /// A command under way has told something; the JSON text of an object without a member `requestId`.
    func progressed(_ token: CommandToken, _ progress: [UInt8]) -> [RelayOutput] {
        guard let entry = commands[token] else { return [] }
        return [.send(RPCEncoding.progress(of: entry.method, id: entry.id, progress))]
    }

    /// The client is gone: nothing is sent any more, and what it waited for is called off.
    mutating func closed() -> [RelayOutput] {
        defer {
            commands.removeAll()
            subscriptions = []
        }
        return commands.tokens.map { .cancel($0) }
    }
}
