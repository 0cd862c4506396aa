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

    /// What a connection that only subscribes does not need.
    private struct Rarities: Sendable {
        /// The cursor of the handshake, the default for subscriptions that name none.
        var lastEventID: String?
        var commands = CommandLedger()
        /// The times until which commands without an id count as pending, in order.
        var unanswered: [MonotonicInstant] = []
        var nextToken: UInt64 = 1
        var nextBatch: UInt64 = 1
    }

    /// The situation in which a text is handled.
    private struct Moment {
        let position: UInt64
        let end: UInt64
        let now: MonotonicInstant
        let makeULID: () -> String
    }

    // Few words: every connection has them.

    private(set) var subscriptions = SubscriptionSet()
    /// At most one: an array is one word while it is empty.
    private var rarities: [Rarities] = []
    private var subscriptionChanges = PaceLimit()
    /// Whether pushes carry `id`: true from the first subscription with a cursor on.
    private(set) var pushesCarryIDs = false

    /// Creates the engine of a new connection.
    ///
    /// - Parameter lastEventID: the cursor of the handshake (contract §3); nil for none.
    init(lastEventID: String? = nil) {
        if let lastEventID { rare.lastEventID = lastEventID }
    }

    private var rare: Rarities {
        get { rarities.first ?? Rarities() }
        _modify {
            if rarities.isEmpty { rarities.append(Rarities()) }
            yield &rarities[0]
        }
    }

    /// The pending commands and renewals.
    var commands: CommandLedger { rare.commands }

    /// The bytes of answers held for the rest of their batch.
    var heldBytes: Int { rarities.isEmpty ? 0 : rarities[0].commands.heldBytes }

    /// Handles a text of the client, complete and at most as long as the surface allows (64 KiB).
    ///
    /// - Parameters:
    ///   - position: the sequence of the last entry that the connection has handled.
    ///   - end: that of the last entry in the log.
    ///   - makeULID: returns a new ULID, for a subscription; contains the clock and the randomness.
    mutating func receive(
        _ text: [UInt8],
        position: UInt64 = 0,
        end: UInt64 = 0,
        now: MonotonicInstant = .now(),
        makeULID: () -> String
    ) -> [RelayOutput] {
        withoutActuallyEscaping(makeULID) { receive(text, at: Moment(position: position, end: end, now: now, makeULID: $0)) }
    }

    private mutating func receive(_ text: [UInt8], at moment: Moment) -> [RelayOutput] {
        var effects: [RelayOutput] = []
        let answer: [UInt8]?
        switch RPCMessage(reading: text) {
        case .unreadable(let error): answer = RPCEncoding.response(error: error, id: nil)
        case .single(let item): answer = handle(item, at: moment, place: nil, &effects).response
        case .batch(let items): answer = handle(items, at: moment, &effects)
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

    private mutating func handle(_ items: [RPCItem], at moment: Moment, _ effects: inout [RelayOutput]) -> [UInt8]? {
        let batch = rare.nextBatch
        rare.nextBatch += 1
        var responses: [[UInt8]?] = []
        for item in items {
            switch handle(item, at: moment, place: CommandLedger.Place(batch: batch, slot: responses.count), &effects) {
            case .answered(let response): responses.append(response)
            case .waiting: responses.append(nil)
            case .silent: break
            }
        }
        return rare.commands.close(batch: batch, responses: responses)
    }

    private mutating func handle(
        _ item: RPCItem,
        at moment: Moment,
        place: CommandLedger.Place?,
        _ effects: inout [RelayOutput]
    ) -> Disposition {
        switch item {
        case .response: return .silent
        case .invalid(let error, let id): return .answered(RPCEncoding.response(error: error, id: id))
        case .request(let request):
            do throws(RPCError) {
                guard let result = try perform(request, at: moment, place: place, &effects) else {
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
        at moment: Moment,
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
        case .subscribe(let family): return try subscribe(to: family, request.params, at: moment, &effects)
        case .unsubscribe(let family): return try unsubscribe(from: family, request.params, at: moment, &effects)
        case nil:
            try forward(request, at: moment.now, place: place, &effects)
            return nil
        }
    }

    // MARK: Subscriptions

    private mutating func subscribe(
        to family: EventFamily,
        _ params: RPCParams,
        at moment: Moment,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8] {
        let params = try SubscriptionParams(params)
        guard let incidentID = params.incidentID else { throw .invalidParams("params.incidentId is missing.") }
        try countSubscriptionChange(moment.now)
        let limit = Self.limits.subscriptions
        guard subscriptions.count < limit else {
            throw .invalidParams("A connection may have at most \(limit) subscriptions. End one that is no longer needed.")
        }
        guard let id = SubscriptionID(ulid: moment.makeULID().utf8) else { preconditionFailure("a new ULID is one") }
        let subscription = Subscription(id: id, topic: Topic(family: family, incidentID: incidentID))
        let cursor = params.lastEventID ?? rarities.first?.lastEventID
        if cursor != nil {
            pushesCarryIDs = true
            subscriptions.add(subscription)
        } else {
            _ = subscriptions.insert(subscription, from: moment.end, position: moment.position, end: moment.end)
        }
        effects.append(.subscribed(subscription, lastEventID: cursor))
        return RPCEncoding.object(["subscriptionId": id.text, "incidentId": incidentID.text])
    }

    /// Removes the subscription of that id, or all of the family for an incident; the result names the newest of them.
    private mutating func unsubscribe(
        from family: EventFamily,
        _ params: RPCParams,
        at moment: Moment,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) -> [UInt8] {
        let params = try SubscriptionParams(params)
        guard params.subscriptionID != nil || params.incidentID != nil else {
            throw .invalidParams("params must have a subscriptionId or an incidentId.")
        }
        let ended = subscriptions.subscriptions.filter { subscription in
            subscription.topic.family == family
                && params.subscriptionID.map { SubscriptionID($0) == subscription.id } ?? true
                && params.incidentID.map { Topic(family: family, incidentID: $0) == subscription.topic } ?? true
        }
        try countSubscriptionChange(moment.now)
        guard let newest = ended.last else { throw .subscriptionNotFound }
        for subscription in ended { subscriptions.remove(subscription.id, position: moment.position) }
        effects += ended.map { .unsubscribed($0) }
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
        let number = CommandToken(number: rare.nextToken)
        rare.nextToken += 1
        if let id = request.id {
            rare.commands.insert(number, CommandLedger.Entry(id: id, method: request.method, place: place, isCommand: false))
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
        rare.unanswered.removeAll { $0 <= now }
        return rare.commands.count + rare.unanswered.count
    }

    private mutating func forward(
        _ request: RPCRequest,
        at now: MonotonicInstant,
        place: CommandLedger.Place?,
        _ effects: inout [RelayOutput]
    ) throws(RPCError) {
        guard MethodName.isCommand(request.method) else { throw .methodNotFound }
        let token = CommandToken(number: rare.nextToken)
        let limit = Self.limits.outstandingCommands
        guard outstandingCommands(now) < limit else { throw .tooManyCommands(limit: limit) }
        if request.id == nil { rare.unanswered.append(now.advanced(by: Self.limits.unansweredTime)) }
        if let id = request.id {
            rare.commands.insert(token, CommandLedger.Entry(id: id, method: request.method, place: place))
        }
        rare.nextToken += 1
        effects.append(
            .command(
                RelayCommand(token: token, method: request.method, params: request.params.json, expectsAnswer: request.id != nil)
            )
        )
    }

    /// Handles the end of a command. Ignores commands that are unknown or already ended.
    mutating func completed(_ token: CommandToken, _ outcome: CommandOutcome) -> [RelayOutput] {
        guard !rarities.isEmpty else { return [] }
        let text = rare.commands.settle(token) { entry in
            switch outcome {
            case .result(let result): RPCEncoding.response(result: result, id: entry.id)
            case .failure(let error): RPCEncoding.response(error: error, id: entry.id)
            }
        }
        return text.map { [.send($0)] } ?? []
    }

    /// Handles a command's progress: the JSON text of an object without a member `requestId`.
    func progressed(_ token: CommandToken, _ progress: [UInt8]) -> [RelayOutput] {
        guard let entry = rarities.first?.commands[token] else { return [] }
        return [.send(RPCEncoding.progress(of: entry.method, id: entry.id, progress))]
    }

    /// Handles the disconnect: stops sending, and cancels pending commands.
    mutating func closed() -> [RelayOutput] {
        let pending = rarities.first?.commands.tokens ?? []
        rarities = []
        subscriptions = SubscriptionSet()
        return pending.map { .cancel($0) }
    }
}
