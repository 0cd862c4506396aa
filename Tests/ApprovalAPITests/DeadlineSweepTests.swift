import Basics
import EventLog
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import approval_api

extension ApprovalBench {
    /// Requests expired approvals, each a millisecond later than the one before.
    fileprivate func request(_ names: [String], tenant: String, from first: Int64 = 0) async throws {
        let events = try names.enumerated().map { index, name in
            let expiry = Fixture.later(first + Int64(index)).iso8601
            let payload = #"{"approvalId":"\#(name)","remediationId":"rem_\#(name)","expiresAt":"\#(expiry)"}"#
            return try Fixture.event("approval.requested", payload, tenant: tenant, id: name)
        }
        _ = try await log.append(contentsOf: events, intake: Fixture.time, timeout: .seconds(30))
        let isKnown = try await eventually { [model] in
            try await model.due(by: Timestamp.now, limit: 10_000).contains { names.last == $0.approval.request.approvalID.text }
        }
        #expect(isKnown)
    }

    /// Stores an invalid message at the place of a decision's record, as only a broken writer on the bus does.
    fileprivate func spoil(_ name: String, tenant: String) async throws {
        _ = try await jetStream.publish(subject: "approvals.\(tenant).\(name).DECISION", payload: Array("[]".utf8))
    }

    /// The approvals that are still pending and due.
    fileprivate func overdue() async throws -> [String] {
        try await model.due(by: Fixture.later(1_000_000), limit: 10_000).map(\.approval.request.approvalID.text)
    }
}

@Suite(.timeLimit(.minutes(2))) struct DeadlineSweepTests {
    @Test func thoseThatCannotBeExpiredDoNotKeepOthersOpen() async throws {
        let bench = try await ApprovalBench()
        // More than a page, all older than the good ones.
        let poisoned = (0..<120).map { "poisoned-\($0)" }
        try await bench.request(poisoned, tenant: "bad")
        for name in poisoned { try await bench.spoil(name, tenant: "bad") }
        try await bench.request(["good-1", "good-2"], tenant: "good", from: 100_000)
        await bench.sweep.sweep()
        #expect(try await eventually { try await Set(bench.overdue()) == Set(poisoned) })
        #expect(bench.letters.totals == [DeadlineSweep.name: UInt64(poisoned.count)])
        let letter = try #require(try await bench.letters.list(tenant: nil, work: DeadlineSweep.name, limit: 1).first?.letter)
        #expect(letter.tenant == Tenant("bad"))
        #expect(letter.subject.hasPrefix("approvals.bad.poisoned-") && letter.subject.hasSuffix(".REQUEST"))
        // Each once.
        await bench.sweep.sweep()
        #expect(bench.letters.totals == [DeadlineSweep.name: UInt64(poisoned.count)])
    }

    /// A newly started process retries the dead letters of another one.
    @Test func afterARestartAnApprovalHasItsOneLetter() async throws {
        let bench = try await ApprovalBench()
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
        #expect(bench.letters.totals == [DeadlineSweep.name: 2])
        _ = try await isNew("marker")
        #expect(try await eventually { try await isNew("marker") })
        let restarted = DeadlineSweep(
            model: bench.model,
            decisions: bench.sweep.decisions,
            letters: DeadLetters(of: bench.log, logger: ApprovalBench.logger),
            interval: .seconds(1),
            isFollowing: { true },
            logger: ApprovalBench.logger
        )
        await restarted.sweep()
        #expect(restarted.letters.totals.isEmpty)
        #expect(try await bench.letters.list(tenant: nil, work: nil, limit: 10).count == 2)
        #expect(!restarted.failures.isDue(1) && !restarted.failures.isDue(2))
    }

    /// However many of a tenant are due, and however long, another one's turn comes next.
    @Test func tenantsHaveTheirTurns() async throws {
        let bench = try await ApprovalBench()
        try await bench.request((0..<230).map { "a-\($0)" }, tenant: "acme")
        try await bench.request(["g-0", "g-1"], tenant: "globex", from: 100_000)
        try await bench.request(["i-0"], tenant: "initech", from: 200_000)
        let now = Fixture.later(1_000_000)
        #expect(try await bench.model.tenantsDue(by: now) == ["acme", "globex", "initech"])
        #expect(try await bench.model.tenantsDue(by: Fixture.later(150_000)) == ["acme", "globex"])
        var due = try await DueApprovals(by: now, in: bench.model)
        var names: [String] = []
        while let approval = try await due.next() { names.append(approval.request.approvalID.text) }
        #expect(names.prefix(6) == ["a-0", "g-0", "i-0", "a-1", "g-1", "a-2"])
        #expect(names.filter { $0.hasPrefix("a") } == (0..<230).map { "a-\($0)" } && names.count == 233)
    }

    @Test func aSweepPagesThroughAllThatIsOverdue() async throws {
        let bench = try await ApprovalBench()
        try await bench.request((0..<230).map { "a-\($0)" }, tenant: "acme")
        await bench.sweep.sweep()
        #expect(try await eventually { try await bench.overdue().isEmpty })
        #expect(bench.letters.totals.isEmpty)
    }

    /// A decision names its request, and is announced with its effect once, whichever of several sweeps made it.
    @Test func anApprovalExpiresOnce() async throws {
        let bench = try await ApprovalBench()
        try await bench.request(["a"], tenant: "acme")
        let approval = try #require(try await bench.model.due(by: Fixture.later(1_000_000), limit: 1).first).approval
        let (decision, isNew) = try await bench.sweep.decisions.expire(approval)
        #expect(isNew && decision.action == .expire && decision.isAbout(approval.request.place))
        #expect(decision.request == Cursor(time: Fixture.time, epoch: bench.log.epoch, sequence: 1))
        let again = try await bench.sweep.decisions.expire(approval)
        #expect(!again.isNew && again.0 == decision)
        await bench.sweep.sweep()
        #expect(try await bench.announcedTypes() == ["approval.requested", "approval.resolved", "remediation.rejected"])
        #expect(try await bench.approval("a")?.status == .expired)
    }

    /// A step comes into force when it is due, once among several processes, and approves nothing.
    @Test func aStepComesIntoForceOnce() async throws {
        let bench = try await ApprovalBench(at: 599_999)
        let other = try await ApprovalBench(on: bench.server, at: 600_000)
        let groups = #","groups":[{"name":"g","roles":["g"]}],"escalation":[{"after":"10m","groups":[{"name":"h","roles":["h"]}]}]"#
        try await bench.request("a", groups)
        #expect(try await bench.approval("a")?.status == .pending)
        await bench.sweep.sweep()
        #expect(try await bench.record(.escalation(approvalID: "a", step: 1)) == nil, "it is not due")
        #expect(try await bench.decide("a", by: "cleo", roles: ["h"]) == .notEligible)
        bench.set(600_000)
        await withTaskGroup(of: Void.self) { group in
            for process in [bench, other] { group.addTask { await process.sweep.sweep() } }
        }
        // The record is followed before a sweep looks again.
        #expect(try await eventually { try await bench.approval("a")?.escalations[1]?.at == Fixture.later(600_000) })
        await bench.sweep.sweep()
        #expect(try await bench.jetStream.streamInfo(EventLogConfiguration.approvalsName).state.messages == 2)
        #expect(try await bench.approval("a")?.status == .pending)
        guard case .decided = try await bench.decide("a", by: "cleo", roles: ["h"]) else {
            Issue.record("a member of the step's group may decide now")
            return
        }
    }

    @Test func anApprovalThatFailsWaitsLongerEachTime() {
        let now = Mutex(ContinuousClock.Instant.now)
        let failures = DeadlineFailures { now.withLock { $0 } }
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
