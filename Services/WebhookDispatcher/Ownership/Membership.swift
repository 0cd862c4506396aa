import Basics
import Dispatch
import Logging
import NATSClient
import Synchronization

/// Knows which dispatchers are alive: each reports to the others every two seconds, and when it leaves.
///
/// The reports are on core NATS; nothing is stored. Any thread. While ``run()`` runs, this process reports and its view is kept current; it
/// receives the reports of others as long as the object exists.
final class Membership: Sendable {
    /// This process.
    let me: MemberID

    private struct State {
        var table: MembershipTable
        var shown: MembershipView
        var observers: [UInt64: AsyncStream<MembershipView>.Continuation] = [:]
        var nextObserver: UInt64 = 0
    }

    private let connection: NATSConnection
    private let interval: Duration
    private let now: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger
    private let state: Mutex<State>
    private let wakeUp = Signal()
    /// Whether a report is due at once, because a new member was heard or the bus is back.
    private let isDue = Atomic<Bool>(false)
    private let reports = Mutex<NATSSubscription?>(nil)
    /// A stalled bus may block this queue, but no thread that others need.
    private let sending = DispatchQueue(label: "causeway.webhooks.members")

    /// Subscribes to reports; with the next server, if none is connected.
    ///
    /// - Parameters:
    ///   - me: This process.
    ///   - connection: The bus.
    ///   - interval: The report interval, the same in all processes.
    ///   - now: The clock by which members are alive.
    ///   - logger: Gets a warning if a report fails.
    /// - Throws: `NATSError/Code/closed`.
    init(
        me: MemberID,
        connection: NATSConnection,
        interval: Duration = MembershipTable.interval,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        logger: Logger
    ) throws(NATSError) {
        self.me = me
        self.connection = connection
        self.interval = interval
        self.now = now
        self.logger = logger
        state = Mutex(State(table: MembershipTable(me: me, interval: interval), shown: MembershipView(of: [], mayStart: false)))
        let subscription = try connection.subscribe(MemberReport.subject) { [weak self] delivery in
            guard let report = MemberReport(json: delivery.withPayload { [UInt8]($0) }) else { return }
            self?.received(report)
        }
        reports.withLock { $0 = subscription }
        connection.onStateChange { [weak self] state in
            if state == .connected { self?.reportAtOnce() }
        }
    }

    /// Who is alive now. Read it before an attempt is started: it is judged at the time of the call.
    var view: MembershipView {
        let time = now()
        return state.withLock { $0.table.view(at: time) }
    }

    /// Returns the current view, and then each other one while ``run()`` runs. A slow reader gets the latest.
    func changes() -> AsyncStream<MembershipView> {
        let (views, continuation) = AsyncStream.makeStream(of: MembershipView.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.nextObserver += 1
            state.observers[state.nextObserver] = continuation
            continuation.yield(state.shown)
            return state.nextObserver
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.observers.removeValue(forKey: number) }
        }
        return views
    }

    /// Reports until the task is cancelled, then says that this process leaves: what it drove is taken over at once. Call once, and cancel it
    /// after the last cursor was written.
    func run() async {
        // More often than the reports, so that a silence is noticed soon.
        let tick = interval / 4
        var ticks = 0
        while !Task.isCancelled {
            if isDue.exchange(false, ordering: .acquiringAndReleasing) || ticks % 4 == 0 {
                ticks = 0
                await report(MemberReport(me))
            }
            ticks += 1
            refresh()
            await wakeUp.wait(atMost: tick)
        }
        await report(MemberReport(me, isLeaving: true))
        // Flush the buffer before the process exits.
        try? await connection.flush(timeout: .seconds(1))
    }

    private func received(_ report: MemberReport) {
        let time = now()
        let isNew = state.withLock { $0.table.received(report, at: time) }
        refresh()
        if isNew { reportAtOnce() }
    }

    private func reportAtOnce() {
        isDue.store(true, ordering: .releasing)
        wakeUp.raise()
    }

    /// Passes the view on if it has changed.
    private func refresh() {
        let time = now()
        state.withLock { state in
            let view = state.table.view(at: time)
            guard view != state.shown else { return }
            state.shown = view
            // With the lock held, so that views arrive in their order.
            for observer in state.observers.values { observer.yield(view) }
        }
    }

    private func report(_ report: MemberReport) async {
        await sending.run { self.publish(report) }
    }

    private func publish(_ report: MemberReport) {
        do throws(NATSError) {
            try connection.publish(subject: MemberReport.subject, payload: report.json)
        } catch {
            // The bus is unreachable, which its connection has logged; the next report follows after the reconnect.
            guard !error.isRetriable, error.code != .closed else { return }
            logger.warning("This dispatcher could not be reported to the others", metadata: [LogKey.error: "\(error)"])
        }
    }
}
