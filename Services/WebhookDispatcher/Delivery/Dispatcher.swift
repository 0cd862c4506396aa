import Basics
import EventLog
import EventModel
import Logging
import Webhooks

/// Delivers the log's events to the endpoints that this process owns (contract §14).
///
/// 1. **The log is the backlog.** One ``LogFeed`` for all endpoints; one that is behind reads the tail or the log (``Dispatcher/read(_:)``).
/// 2. **Ownership.** The members that are alive choose an owner for each endpoint. Before its first delivery a process stores itself in the record (a
///    *claim*): that changes the revision, so a former owner's writes lose their comparison, and it stops (``OwnershipStep``).
/// 3. **Turns.** Tenants take turns, and within a tenant its endpoints (``FairTurns``). Nothing here waits for a receiver.
/// 4. **Progress** is stored behind, at most one second: an endpoint whose progress is older starts nothing until it is stored, so a crash repeats the
///    last second's deliveries at most.
/// 5. **Idle endpoints** are rows of a table, without tasks or timers.
///
/// What decides is in values without I/O (``EndpointDelivery``, ``DeliveryQueue``, ``FairTurns``, ``DueQueue``, ``OwnershipStep``); the actor connects them.
actor Dispatcher {
    /// Makes an attempt: ``WebhookSender/send(_:to:of:signedBy:)``.
    typealias Send =
        @Sendable (_ message: SignedMessage, _ url: WebhookURL, _ tenant: Tenant, _ secrets: EndpointSecrets) async -> AttemptOutcome

    /// Times and bounds.
    struct Limits: Sendable {
        /// Attempts under way.
        var attempts = 448
        /// Attempts of one tenant under way, as the sender permits them.
        var attemptsPerTenant = 64
        /// An attempt that takes longer is slow. Endpoints whose last attempt was slow share half of the places, of the process and of their tenant,
        /// so that they hold up no others however many they are.
        var slow: Duration = .seconds(1)
        /// Claims under way.
        var claims = 32
        /// Writes under way.
        var writes = 128
        /// Reads of the log under way; each holds at most ``pieceBytes``.
        var reads = 32
        /// The size of a piece that is read for the endpoints of a tenant.
        var pieceBytes = 256 * 1024
        /// Messages held for endpoints; beyond it each has one at a time.
        var heldBytes = 64 << 20
        /// How often `maintain()` runs.
        var tick: Duration = .milliseconds(250)
        /// The age at which progress is stored.
        var writeAfter: Duration = .milliseconds(500)
        /// The age of progress that is not stored, beyond which an endpoint starts nothing.
        var oldestProgress: Duration = .seconds(1)
        /// How long an endpoint without anything to send stays loaded.
        var idle: Duration = .seconds(60)
        /// How often a cursor that only passed over events for others is stored.
        var passing: Duration = .seconds(60)
        /// How long to wait after a failure in this process.
        var pause: Duration = .seconds(2)
        /// How long to wait before an endpoint is claimed again that another process has claimed: in this time all processes come to know the same
        /// members.
        var reclaim: Duration = .seconds(6)
        /// How long attempts under way may take at the stop of the only process.
        var drain: Duration = .seconds(15)
        /// How long they may take when others go on: then they are cut off, and the others repeat them.
        var handOver: Duration = .seconds(1)
        /// How far the clocks may differ by which intakes and the server tell the time (``PlaceSearch``).
        var clockDifference: Duration = .seconds(60)
        /// Time limit of a claim or write, retries through a short outage included.
        var store: Duration = .seconds(5)

        /// Creates the default limits.
        init() {}
    }

    let log: EventLog
    let endpoints: EndpointStore
    let membership: MembershipSource
    let send: Send
    let record: @Sendable (Attempt, EndpointID, Tenant) -> Void
    let now: @Sendable () -> Timestamp
    let clock: @Sendable () -> MonotonicInstant
    let logger: Logger
    let limits: Limits
    let announcer: DisablingAnnouncer
    /// The log as this process follows it.
    nonisolated let feed: LogFeed
    let inbox: LogInbox
    /// Raised when the work loop has something to do.
    let wake: Signal

    let table = EndpointTable()
    var view: MembershipView?
    /// Whether the feed has reached the log's end once, and endpoints have their places.
    var isStarted = false
    /// Whether nothing new is begun.
    var isStopping = false
    /// The epoch of ``position``.
    var epoch: UInt16
    /// How often the log was replaced.
    var lives: UInt64 = 0
    /// Up to here the feed's reports were applied.
    var position: UInt64 = 0

    /// Driven endpoints with something to send.
    var turns = FairTurns<TenantEndpoints, TrackedEndpoint>()
    /// The same, of those whose receivers are slow.
    var slowTurns = FairTurns<TenantEndpoints, TrackedEndpoint>()
    /// Endpoints with something to send that are to be claimed.
    var claims = FairTurns<TenantEndpoints, TrackedEndpoint>()
    /// Retries, by the wall clock.
    var due = DueQueue<TrackedEndpoint, Timestamp>()
    /// Second tries of what failed in this process, by the monotonic clock.
    var pauses = DueQueue<TrackedEndpoint, MonotonicInstant>()
    /// Driven endpoints with progress to store, those with the oldest first.
    var dirty = EndpointQueue()
    var driven: Set<TrackedEndpoint> = []
    /// Endpoints that wait for a place at their origin, which others share.
    var parkedByOrigin: [String: EndpointQueue] = [:]
    /// Tenants that wait until fewer reads are under way.
    var waitingReads: [TenantEndpoints] = []

    /// Attempts under way, by number.
    var attempts: [UInt64: Task<Void, Never>] = [:]
    var attemptNumber: UInt64 = 0
    var underWay = 0
    var slowUnderWay = 0
    var claimsUnderWay = 0
    var writesUnderWay = 0
    var readsUnderWay = 0
    var isHoldingTooMuch = false
    var maintainedAt = MonotonicInstant(nanoseconds: 0)
    /// Raised when the last attempt or write under way has ended.
    let settled = Signal()
    var outcomes: [String: UInt64] = [:]
    var disablings: UInt64 = 0
    var generator = SystemRandomNumberGenerator()

    /// Creates a dispatcher; ``run()`` starts it.
    ///
    /// - Parameters:
    ///   - tailBytes: size of the log's end that is held in memory.
    ///   - now: the wall clock, for retries.
    init(
        log: EventLog,
        endpoints: EndpointStore,
        membership: Membership,
        sender: WebhookSender,
        journal: AttemptJournal,
        tailBytes: Int = 64 << 20,
        now: @escaping @Sendable () -> Timestamp = { .now },
        logger: Logger
    ) {
        var limits = Limits()
        limits.attempts = max(1, sender.limits.attempts - sender.limits.tests)
        limits.attemptsPerTenant = sender.limits.attemptsPerTenant
        self.init(
            log: log,
            endpoints: endpoints,
            membership: MembershipSource(membership),
            limits: limits,
            tailBytes: tailBytes,
            now: now,
            logger: logger,
            send: { message, url, tenant, secrets in await sender.send(message, to: url, of: tenant, signedBy: secrets) },
            record: { attempt, endpoint, tenant in journal.record(attempt, of: endpoint, in: tenant) }
        )
    }

    init(
        log: EventLog,
        endpoints: EndpointStore,
        membership: MembershipSource,
        limits: Limits,
        tailBytes: Int,
        now: @escaping @Sendable () -> Timestamp,
        clock: @escaping @Sendable () -> MonotonicInstant = MonotonicInstant.now,
        logger: Logger,
        send: @escaping Send,
        record: @escaping @Sendable (Attempt, EndpointID, Tenant) -> Void
    ) {
        self.log = log
        self.endpoints = endpoints
        self.membership = membership
        self.limits = limits
        self.now = now
        self.clock = clock
        self.logger = logger
        self.send = send
        self.record = record
        announcer = DisablingAnnouncer(log: log, endpoints: endpoints, now: now)
        wake = Signal()
        epoch = log.epoch
        inbox = LogInbox(epoch: log.epoch, arrived: wake)
        feed = LogFeed(log: log, tailBytes: tailBytes, observer: inbox, logger: logger)
    }

    /// Delivers until the task is cancelled. Then it starts nothing more, waits for the attempts under way, at most ``Limits/drain``, or
    /// ``Limits/handOver`` when other processes are alive, and stores the cursors. Call once.
    ///
    /// - Throws: a permanent ``EventLogError``, after the same end.
    func run() async throws {
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.feed.run() }
                group.addTask { try await self.followEndpoints() }
                group.addTask { await self.followMembers() }
                group.addTask { await self.work() }
                defer { group.cancelAll() }
                try await group.next()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        // The stores' calls end at once in a cancelled task.
        await Task { await self.drain() }.value
        do {
            try result.get()
        } catch is CancellationError {
        } catch let error as EventLogError where error.code == .cancelled {}
    }

    /// Whether the log is followed. Any thread.
    nonisolated var isFollowing: Bool { feed.isFollowing }

    /// The figures at this moment.
    var figures: DispatcherFigures {
        var figures = DispatcherFigures()
        var oldest: Timestamp?
        for row in table.all {
            figures.known += 1
            guard row.isChosen else { continue }
            figures.owned += 1
            let (name, since): (String, Timestamp?) =
                switch row.currentState {
                case .pending: ("pending", nil)
                case .enabled: ("enabled", nil)
                case .failing(let trouble): ("failing", trouble.since)
                case .disabled: ("disabled", nil)
                }
            figures.states[name, default: 0] += 1
            guard name != "disabled", let time = row.drive?.delivery.queue.oldestIntake ?? since else { continue }
            oldest = min(oldest ?? time, time)
        }
        figures.driven = driven.count
        figures.underWay = underWay
        figures.attempts = outcomes
        figures.disablings = disablings
        figures.heldBytes = driven.reduce(0) { $0 + ($1.drive?.delivery.queue.bytes ?? 0) }
        if let oldest { figures.lag = .milliseconds(max(0, now().millisecondsSinceEpoch - oldest.millisecondsSinceEpoch)) }
        return figures
    }

    // MARK: The work loop

    private func work() async {
        while !Task.isCancelled {
            begin()
            applyReports()
            maintain()
            pump()
            await wake.wait(atMost: limits.tick)
        }
    }

    /// Gives all endpoints their places once the feed has reached the log's end.
    private func begin() {
        guard !isStarted, feed.isFollowing else { return }
        (epoch, position, lives) = inbox.open()
        isStarted = true
        for row in table.all { place(row) }
    }

    /// What is done every tick, and what is done once a second.
    private func maintain() {
        guard isStarted, !isStopping else { return }
        let time = now()
        while let row = due.popDue(at: time) { evaluate(row) }
        while let row = pauses.popDue(at: clock()) { evaluate(row) }
        storeProgress()
        unparkSome()
        guard maintainedAt.advanced(by: .seconds(1)) <= clock() else { return }
        maintainedAt = clock()
        keepHouse()
    }

    /// Starts what may be started.
    func pump() {
        guard isStarted, !isStopping, !turns.isEmpty || !slowTurns.isEmpty || !claims.isEmpty, membership.view().mayStart else { return }
        let time = now()
        while underWay < limits.attempts, let row = turns.next(cost) { startNext(row, at: time) }
        while underWay < limits.attempts, slowUnderWay < max(1, limits.attempts / 2), let row = slowTurns.next({ cost($0) }) {
            if row.group.slowUnderWay < max(1, limits.attemptsPerTenant / 2) {
                startNext(row, at: time)
            } else {
                slowTurns.remove(row, of: row.group)
                row.group.waitAsSlow(row)
            }
        }
        while claimsUnderWay < limits.claims, let row = claims.next({ _ in 1024 }) {
            claims.remove(row, of: row.group)
            claim(row)
        }
    }

    private func cost(_ row: TrackedEndpoint) -> Int { row.drive?.delivery.queue.nextWaiting?.size ?? 1024 }

    // MARK: The end

    private func drain() async {
        isStopping = true
        turns = FairTurns()
        slowTurns = FairTurns()
        claims = FairTurns()
        let began = clock()
        let deadline = began.advanced(by: limits.drain)
        let isAlone = membership.view().members.allSatisfy { $0 == membership.me }
        repeat {
            if !isAlone, began.advanced(by: limits.handOver) <= clock() {
                for attempt in attempts.values { attempt.cancel() }
            }
            storeProgress(all: true)
            guard underWay > 0 || writesUnderWay > 0 || claimsUnderWay > 0 || !dirty.isEmpty else { return }
            await settled.wait(atMost: .milliseconds(50))
        } while clock() < deadline
        logger.warning("stopped before all attempts ended", metadata: [LogKey.deliveries: "\(underWay)"])
    }
}
