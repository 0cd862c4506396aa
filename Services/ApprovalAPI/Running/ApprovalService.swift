import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle

/// Runs the background work as a service: follows the log and the streams beside it, records requests, announces records, expires and escalates
/// approvals.
///
/// While the bus is unreachable, the process runs, is not ready, and answers 503. An incompatible stream stops the process with an error
/// message.
struct ApprovalService: Service {
    let connection: NATSConnection
    let backend: ApprovalBackend
    let log: EventLogConfiguration
    let revocations: RevocationFollower
    let maximumTokenLife: Duration
    let timeout: Duration
    let expiryInterval: Duration
    let readiness: Readiness
    let metrics: PrometheusMetrics
    let logger: Logger
    let now: @Sendable () -> Timestamp

    func run() async throws {
        let session = LogSession(
            connection: connection,
            log: log,
            revocations: revocations,
            readiness: readiness,
            conditions: ["log", "inbox", "approvals", "model", "work", "writes"],
            metrics: metrics,
            logger: logger
        )
        try await session.run { try await work(session) }
    }

    private func work(_ session: LogSession) async throws {
        let log = try await session.open()
        let model = backend.model
        let inbox = InboxStream(beside: log)
        let records = FollowedStream(ApprovalRecords(beside: log).stream, beside: log)
        let barrier = ReadBarrier(model: model, log: log, inbox: inbox.followed, approvals: records, patience: timeout)
        let revocationStream = RevocationStream(beside: log, maximumTokenLife: maximumTokenLife)
        let tickets = TicketStream(beside: log)
        let letters = DeadLetters(of: log, logger: logger, now: now)
        let recorder = RequestRecorder(log: log, letters: letters, logger: logger)
        let announcer = RecordAnnouncer(log: log, letters: letters, logger: logger, now: now)
        let decisions = DecisionService(
            log: log,
            model: model,
            barrier: barrier,
            recorder: recorder,
            announcer: announcer,
            shares: .ofVotes(self.log),
            timeout: timeout,
            now: now
        )
        let delegations = DelegationService(stream: records, model: model, barrier: barrier, timeout: timeout, now: now)
        let logFollower = LogFollower(log: log, model: model, logger: logger)
        let inboxFollower = SideStreamFollower(.inbox, of: inbox.followed, model: model, logger: logger, changes: ReadMark.changes)
        let recordFollower = SideStreamFollower(.approvals, of: records, model: model, logger: logger, changes: ApprovalChange.changes)
        let probe = ReadModelProbe(model: model, logger: logger)
        let sweep = DeadlineSweep(
            model: model,
            decisions: decisions,
            letters: letters,
            interval: expiryInterval,
            isFollowing: { recordFollower.isFollowing },
            logger: logger
        )
        readiness.observe("log") { logFollower.isFollowing ? .ready : .notReady("the read model is catching up") }
        readiness.observe("inbox") { inboxFollower.isFollowing ? .ready : .notReady("the read model is catching up") }
        readiness.observe("approvals") { recordFollower.isFollowing ? .ready : .notReady("the read model is catching up") }
        readiness.observe("model") { probe.status }
        let background =
            RequestRecorder.Work.allCases.map { work in BackgroundWork(name: work.rawValue) { recorder.fault(of: work) } } + [
                BackgroundWork(name: RecordAnnouncer.name) { announcer.fault },
                BackgroundWork(name: DeadlineSweep.name) { sweep.fault },
            ]
        readiness.observe("work") { background.fault.map { .notReady($0) } ?? .ready }
        let writes = WriteWatch(
            log: log,
            beside: [inbox.followed.store, records.store, letters.stream],
            lookingAt: [revocationStream.store, tickets.store],
            condition: "writes",
            readiness: readiness,
            logger: logger
        )
        backend.begin(
            ApprovalBackend.Parts(
                log: log,
                inbox: inbox,
                barrier: barrier,
                decisions: decisions,
                delegations: delegations,
                revocations: RevocationService(
                    stream: revocationStream,
                    follower: revocations,
                    timeout: timeout
                ),
                tickets: tickets,
                timeout: timeout,
                follower: logFollower,
                letters: letters,
                work: background,
                waiting: { sweep.waiting }
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await logFollower.run() }
            group.addTask { try await inboxFollower.run() }
            group.addTask { try await recordFollower.run() }
            group.addTask { try await probe.run() }
            group.addTask { try await recorder.run() }
            group.addTask { try await announcer.run { await decisions.settle($0) } }
            group.addTask { try await sweep.run() }
            group.addTask { await writes.run() }
            try await group.waitForAll()
        }
    }
}
