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

    /// The cursor of the handshake, the default for subscriptions that name none.
    private let lastEventID: String?
    /// Returns a new ULID for a subscription.
    private let makeULID: @Sendable () -> String
    /// In order of creation; few enough for a linear search.
    private(set) var subscriptions: [Subscription] = []
    /// Whether pushes carry `id`: true from the first subscription with a cursor on.
    private(set) var pushesCarryIDs = false
    private(set) var commands = CommandLedger()
    /// The arrival time of the current text.
    private var now = MonotonicInstant(nanoseconds: 0)
    /// The times until which commands without an id count as pending, in order.
    private var unanswered: [MonotonicInstant] = []
    private var subscriptionChanges: TokenBucket.Level?
    private var nextToken: UInt64 = 1
    private var nextBatch: UInt64 = 1

    /// Creates the engine of a new connection.
    ///
    /// - Parameters:
    ///   - lastEventID: the cursor of the handshake (contract §3); nil for none.
    ///   - makeULID: returns a new ULID; contains the clock and the randomness.
    init(lastEventID: String? = nil, makeULID: @escaping @Sendable () -> String) {
        self.lastEventID = lastEventID
        self.makeULID = makeULID
    }

    /// Handles a text of the client, complete and at most as long as the surface allows (64 KiB).
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

    /// The answer to one call.
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

    /// Performs a call and returns its result; nil for a command or a renewal, whose result comes later if at all.
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
        case .authenticate:
            try authenticate(request, place: place, &effects)
            return nil
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
        let limit = Self.limits.subscriptions
        guard subscriptions.count < limit else {
            throw .invalidParams("A connection may have at most \(limit) subscriptions. End one that is no longer needed.")
        }
        let subscription = Subscription(id: "sub_\(makeULID())", topic: Topic(family: family, incidentID: incidentID))
        subscriptions.append(subscription)
        let cursor = params.lastEventID ?? lastEventID
        if cursor != nil { pushesCarryIDs = true }
        effects.append(.subscribed(subscription, lastEventID: cursor))
        return RPCEncoding.object(["subscriptionId": subscription.id, "incidentId": incidentID.text])
    }

    /// Removes the subscription of that id, or all of the family for an incident; the result names the newest of them.
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

    /// Counts a subscription change against the rate limit.
    /// - Throws: -32005 when there were too many lately.
    private mutating func countSubscriptionChange() throws(RPCError) {
        let perSecond = Self.limits.subscriptionChangesPerSecond
        var bucket = TokenBucket(
            capacity: Self.limits.subscriptionChangesAtOnce,
            perSecond: perSecond,
            level: subscriptionChanges,
            at: now.sinceBoot
        )
        defer { subscriptionChanges = bucket.level }
        guard bucket.take(at: now.sinceBoot) else {
            throw .tooManySubscriptionChanges(perSecond: Int(perSecond))
        }
    }

    // MARK: Renewal of the token

    private mutating func authenticate(_ request: RPCRequest, place: CommandLedger.Place?, _ effects: inout [RelayOutput]) throws(RPCError)
    {
        guard case .named(let object) = request.params, let token = (try? JSONMembers(object))?.text("token") else {
            throw .invalidParams(#"params must be an object with the token as a string: {"token":"…"}."#)
        }
        let number = CommandToken(number: nextToken)
        nextToken += 1
        if let id = request.id {
            commands.insert(number, CommandLedger.Entry(id: id, method: request.method, place: place, isCommand: false))
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
    private mutating func outstandingCommands() -> Int {
        unanswered.removeAll { $0 <= now }
        return commands.count + unanswered.count
    }

    private mutating func forward(_ request: RPCRequest, place: CommandLedger.Place?, _ effects: inout [RelayOutput]) throws(RPCError) {
        guard MethodName.isCommand(request.method) else { throw .methodNotFound }
        let token = CommandToken(number: nextToken)
        let limit = Self.limits.outstandingCommands
        guard outstandingCommands() < limit else { throw .tooManyCommands(limit: limit) }
        if request.id == nil { unanswered.append(now.advanced(by: Self.limits.unansweredTime)) }
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

    /// Handles the end of a command. Ignores commands that are unknown or already ended.
    mutating func completed(_ token: CommandToken, _ outcome: CommandOutcome) -> [RelayOutput] {
        let text = commands.settle(token) { entry in
            switch outcome {
            case .result(let result): RPCEncoding.response(result: result, id: entry.id)
            case .failure(let error): RPCEncoding.response(error: error, id: entry.id)
            }
        }
        return text.map { [.send($0)] } ?? []
    }

    /// Handles a command's progress: the JSON text of an object without a member `requestId`.
    func progressed(_ token: CommandToken, _ progress: [UInt8]) -> [RelayOutput] {
        guard let entry = commands[token] else { return [] }
        return [.send(RPCEncoding.progress(of: entry.method, id: entry.id, progress))]
    }

    /// Handles the disconnect: stops sending, and cancels pending commands.
    mutating func closed() -> [RelayOutput] {
        defer {
            commands.removeAll()
            subscriptions = []
        }
        return commands.tokens.map { .cancel($0) }
    }
}
