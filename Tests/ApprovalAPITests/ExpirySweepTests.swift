import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import approval_api

/// A log on a real nats-server, a read model that follows it, and the sweep over both.
private final class SweepBench: Sendable {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    let server: NATSServer
    let connection: NATSConnection
    let log: EventLog
    let model: ReadModel
    let letters: DeadLetters
    let sweep: ExpirySweep
    private let following: Task<Void, any Error>

    init() async throws {
        server = try await NATSServer()
        connection = try await NATSConnection.connect(NATSConfiguration(servers: [server.url], sendAsap: true), logger: Self.logger)
        var configuration = EventLogConfiguration()
        configuration.maxBytes = 1 << 30
        configuration.requestTimeout = .seconds(10)
        let log = try await EventLog.open(on: connection, configuration: configuration, logger: Self.logger)
        self.log = log
        let model = try ReadModel(path: ReadModelFile.memory)
        self.model = model
        let follower = LogFollower(log: log, model: model, logger: Self.logger)
        following = Task { try await follower.run() }
        letters = DeadLetters(of: log, logger: Self.logger)
        let inbox = InboxStream(beside: log, on: connection)
        let barrier = ReadBarrier(model: model, log: log, inbox: inbox, patience: .seconds(10))
        let decisions = DecisionService(log: log, model: model, barrier: barrier, timeout: .seconds(10)) { Fixture.later(1_000_000) }
        sweep = ExpirySweep(
            model: model,
            decisions: decisions,
            letters: letters,
            interval: .seconds(1),
            isFollowing: { true },
            logger: Self.logger
        )
    }

    deinit { following.cancel() }

    /// Requests expired approvals, each a millisecond later than the one before.
    func request(_ names: [String], tenant: String, from first: Int64 = 0) async throws {
        let events = try names.enumerated().map { index, name in
            let expiry = Fixture.later(first + Int64(index)).iso8601
            let payload = #"{"approvalId":"\#(name)","remediationId":"rem_\#(name)","expiresAt":"\#(expiry)"}"#
            return try Fixture.event("approval.requested", payload, tenant: tenant, id: name)
        }
        _ = try await log.append(contentsOf: events, intake: Fixture.time, timeout: .seconds(30))
        let isKnown = try await eventually { [model] in
            try await model.overdue(by: Timestamp.now, limit: 10_000).contains { names.last == $0.request.approvalID.text }
        }
        #expect(isKnown)
    }

    /// Stores an invalid message at the place of a decision, as only a broken writer on the bus does.
    func spoil(_ name: String, tenant: String) async throws {
        _ = try await JetStream(connection).publish(subject: "events.\(tenant).DECISION.\(name)", payload: Array("[]".utf8))
    }

    /// The approvals that are still pending and overdue.
    func overdue() async throws -> [String] {
        try await model.overdue(by: Fixture.later(1_000_000), limit: 10_000).map(\.request.approvalID.text)
    }
}

@Suite(.timeLimit(.minutes(2))) struct ExpirySweepTests {
    @Test func thoseThatCannotBeExpiredDoNotKeepOthersOpen() async throws {
        let bench = try await SweepBench()
        // More than a page, all older than the good ones.
        let poisoned = (0..<ExpirySweep.pageSize + 20).map { "poisoned-\($0)" }
        try await bench.request(poisoned, tenant: "bad")
        for name in poisoned { try await bench.spoil(name, tenant: "bad") }
        try await bench.request(["good-1", "good-2"], tenant: "good", from: 100_000)
        await bench.sweep.sweep()
        #expect(try await eventually { try await Set(bench.overdue()) == Set(poisoned) })
        #expect(bench.letters.totals == [ExpirySweep.name: UInt64(poisoned.count)])
        let letter = try #require(try await bench.letters.list(tenant: nil, work: ExpirySweep.name, limit: 1).first?.letter)
        #expect(letter.tenant == Tenant("bad"))
        #expect(letter.subject.hasPrefix("events.bad.DECISION.poisoned-") && letter.subject.hasSuffix(".REQUEST"))
        // Each once.
        await bench.sweep.sweep()
        #expect(bench.letters.totals == [ExpirySweep.name: UInt64(poisoned.count)])
    }

    /// A newly started process retries the dead letters of another one.
    @Test func afterARestartAnApprovalHasItsOneLetter() async throws {
        let bench = try await SweepBench()
        let jetStream = JetStream(bench.connection)
        // A short window simulates a restart long after the first letter.
        var letters = StreamConfiguration(name: DeadLetters.streamName, subjects: ["deadletters.*.*", "retries.*.*"])
        letters.duplicateWindow = .milliseconds(100)
        _ = try await jetStream.createStream(letters)
        func isNew(_ id: String) async throws -> Bool {
            try await !jetStream.publish(subject: "retries.bad.none", payload: [], messageID: id).isDuplicate
        }
        try await bench.request(["a", "b"], tenant: "bad")
        for name in ["a", "b"] { try await bench.spoil(name, tenant: "bad") }
        await bench.sweep.sweep()
        #expect(bench.letters.totals == [ExpirySweep.name: 2])
        _ = try await isNew("marker")
        #expect(try await eventually { try await isNew("marker") })
        let restarted = ExpirySweep(
            model: bench.model,
            decisions: bench.sweep.decisions,
            letters: DeadLetters(of: bench.log, logger: SweepBench.logger),
            interval: .seconds(1),
            isFollowing: { true },
            logger: SweepBench.logger
        )
        await restarted.sweep()
        #expect(restarted.letters.totals.isEmpty)
        #expect(try await bench.letters.list(tenant: nil, work: nil, limit: 10).count == 2)
        #expect(!restarted.failures.isDue(1) && !restarted.failures.isDue(2))
    }

    @Test func aSweepPagesThroughAllThatIsOverdue() async throws {
        let bench = try await SweepBench()
        try await bench.request((0..<ExpirySweep.pageSize * 2 + 30).map { "a-\($0)" }, tenant: "acme")
        await bench.sweep.sweep()
        #expect(try await eventually { try await bench.overdue().isEmpty })
        #expect(bench.letters.totals.isEmpty)
    }

    /// A decision names its request, and does not count for another one under the same id.
    @Test func aDecisionIsAboutOneRequest() async throws {
        let bench = try await SweepBench()
        try await bench.request(["a"], tenant: "acme")
        let approval = try #require(try await bench.model.overdue(by: Fixture.later(1_000_000), limit: 1).first)
        let (decision, isNew) = try await bench.sweep.decisions.expire(approval)
        #expect(isNew && decision.isAbout(approval.request.place))
        #expect(decision.request == Cursor(time: Fixture.time, epoch: bench.log.epoch, sequence: 1))
        #expect(try await bench.sweep.decisions.expire(approval).isNew == false)
        var other = approval
        other.request.place.sequence = 99
        let error = await #expect(throws: EventLogError.self) { try await bench.sweep.decisions.expire(other) }
        #expect(error?.code == .rejected && error?.isRetriable == false)
    }

    /// The effect of one decision is never taken for that of another.
    @Test func anEffectOfAnotherDecisionIsAFailure() async throws {
        let bench = try await SweepBench()
        let announcer = EffectAnnouncer(log: bench.log, letters: bench.letters, logger: SweepBench.logger, now: { Fixture.time })
        let decision = try Fixture.decision("a", "approve", at: 7, of: 1)
        #expect(await announcer.announce(decision) == .done)
        #expect(await announcer.announce(decision) == .done, "its own")
        guard case .failed = await announcer.announce(try Fixture.decision("a", "approve", at: 8, of: 2)) else {
            Issue.record("the place holds the effect of the decision at 7")
            return
        }
    }

    @Test func aRequestOnTheBusThatIsNoEventIsADeadLetter() async throws {
        let bench = try await SweepBench()
        let subject = "events.acme.approval.requested"
        let title = String(repeating: "t", count: 3000)
        let payload = #"{"approvalId":"a","remediationId":"r","title":"\#(title)"}"#
        _ = try await JetStream(bench.connection).publish(subject: subject, payload: Array(payload.utf8))
        try await bench.request(["fine"], tenant: "acme")
        let review = RequestReview(letters: bench.letters, logger: SweepBench.logger)
        let run = Task { try await review.run() }
        #expect(await eventually { bench.letters.totals == [RequestReview.name: 1] })
        let letter = try #require(try await bench.letters.list(tenant: nil, work: nil, limit: 1).first?.letter)
        #expect(letter.sequence == 1 && letter.reason.contains("title: must be at most 2048 bytes"))
        run.cancel()
        try await run.value
    }

    @Test func anApprovalThatFailsWaitsLongerEachTime() {
        let now = Mutex(ContinuousClock.Instant.now)
        let failures = ExpiryFailures { now.withLock { $0 } }
        func advance(_ duration: Duration) { now.withLock { $0 = $0.advanced(by: duration) } }
        #expect(failures.isDue(1))
        for pause in [1, 2, 4, 8] {
            failures.failed(1)
            advance(.seconds(pause) - .milliseconds(1))
            #expect(!failures.isDue(1))
            #expect(failures.isDue(2))
            advance(.milliseconds(1))
            #expect(failures.isDue(1))
        }
        for _ in 0..<30 { failures.failed(1) }
        advance(.seconds(300))
        #expect(failures.isDue(1))
        failures.forget(1)
        failures.giveUp(2)
        advance(.seconds(86_400))
        #expect(failures.isDue(1) && !failures.isDue(2))
    }
}
