import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import ServiceKit
import ServiceLifecycle

/// Runs the background work as a service: follows the log and the read marks, publishes effects, expires approvals.
///
/// While the bus is unreachable, the process runs, is not ready, and answers 503. An incompatible stream stops the process with an error
/// message.
struct ApprovalService: Service {
    let connection: NATSConnection
    let backend: ApprovalBackend
    let log: EventLogConfiguration
    let timeout: Duration
    let expiryInterval: Duration
    let readiness: Readiness
    let logger: Logger
    let now: @Sendable () -> Timestamp

    func run() async throws {
        let session = LogSession(
            connection: connection,
            log: log,
            readiness: readiness,
            conditions: ["log", "inbox", "model", "work", "writes"],
            logger: logger
        )
        try await session.run { try await work(session) }
    }

    private func work(_ session: LogSession) async throws {
        let log = try await session.open()
        let model = backend.model
        let inbox = InboxStream(beside: log, on: connection)
        let barrier = ReadBarrier(model: model, log: log, inbox: inbox, patience: timeout)
        let decisions = DecisionService(log: log, model: model, barrier: barrier, timeout: timeout, now: now)
        let logFollower = LogFollower(log: log, model: model, logger: logger)
        let inboxFollower = InboxFollower(stream: inbox, model: model, logger: logger)
        let probe = ReadModelProbe(model: model, logger: logger)
        let letters = DeadLetters(of: log, logger: logger, now: now)
        let effects = EffectAnnouncer(log: log, letters: letters, logger: logger, now: now)
        let review = RequestReview(letters: letters, logger: logger)
        let sweep = ExpirySweep(
            model: model,
            decisions: decisions,
            letters: letters,
            interval: expiryInterval,
            isFollowing: { logFollower.isFollowing },
            logger: logger
        )
        readiness.observe("log") { logFollower.isFollowing ? .ready : .notReady("the read model is catching up") }
        readiness.observe("inbox") { inboxFollower.isFollowing ? .ready : .notReady("the read model is catching up") }
        readiness.observe("model") { probe.status }
        let background = [
            BackgroundWork(name: EffectAnnouncer.name) { effects.fault },
            BackgroundWork(name: RequestReview.name) { review.fault },
            BackgroundWork(name: ExpirySweep.name) { sweep.fault },
        ]
        readiness.observe("work") { background.fault.map { .notReady($0) } ?? .ready }
        let writes = WriteWatch(
            log: log,
            beside: [inbox.store, letters.stream],
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
                follower: logFollower,
                letters: letters,
                work: background
            )
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await logFollower.run() }
            group.addTask { try await inboxFollower.run() }
            group.addTask { try await probe.run() }
            group.addTask { try await effects.run() }
            group.addTask { try await review.run() }
            group.addTask { try await sweep.run() }
            group.addTask { await writes.run() }
            try await group.waitForAll()
        }
    }
}
