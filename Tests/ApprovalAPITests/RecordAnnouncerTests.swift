import Basics
import EventLog
import EventModel
import NATSClient
import TestKit
import Testing

@testable import approval_api

/// The events that records become, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct RecordAnnouncerTests {
    private static let two =
        #","groups":[{"name":"security","roles":["sec"],"users":["nina"],"n":2}],"escalation":[{"after":"10m","groups":[{"name":"h","roles":["h"]}]}]"#

    /// Stores a record as a process that dies before it announces it.
    private static func leave(_ event: Event, at place: ApprovalPlace, _ bench: ApprovalBench) async throws -> ApprovalRecord {
        try await bench.records.store(event, at: place, intake: event.time, timeout: .seconds(10)).record
    }

    private static func decision(_ request: Approval.Request, _ action: DecisionAction = .approve, id: EventID = "d") throws -> Event {
        try Decision(
            approvalID: request.approvalID,
            remediationID: request.remediationID,
            recipients: request.recipients,
            action: action,
            decidedBy: "ann",
            decidedAt: Fixture.time,
            request: request.event
        )
        .event(id: id, tenant: request.tenant, traceparent: nil)
    }

    /// Everything of one approval, left by a process that died, is announced by two processes that start later: each record once.
    @Test func eachRecordIsAnnouncedOnce() async throws {
        let bench = try await ApprovalBench(), other = try await ApprovalBench(on: bench.server)
        try await bench.request("a", user: "ann", Self.two)
        let recipients = try #require(Recipients("ann", and: ["nina"]))
        let request = try #require(try await bench.approval("a")).request
        let vote = Fixture.vote(by: "bob", for: ["security"])
        let consumption = Consumption(consumedBy: "exec", consumedAt: Fixture.time, eventID: "con_1")
        let left: [(Event, ApprovalPlace)] = [
            (try vote.event(on: request, traceparent: nil), .vote(approvalID: "a", voter: "bob")),
            (try Escalation.event(step: 1, of: request, at: Fixture.time), .escalation(approvalID: "a", step: 1)),
            (try Self.decision(request), .decision(approvalID: "a")),
            (try consumption.event(on: request, traceparent: nil), .consumption(approvalID: "a")),
        ]
        for (event, place) in left { _ = try await Self.leave(event, at: place, bench) }
        let expected: Set = [
            "approval.requested", "approval.voted", "approval.escalated", "approval.resolved", "approval.consumed", "remediation.approved",
        ]
        try await bench.running({ try await bench.announcer.run { await bench.decisions.settle($0) } }) {
            try await other.running({ try await other.announcer.run { await other.decisions.settle($0) } }) {
                let areAnnounced = try await eventually { try await Set(bench.types()) == expected }
                let areAcknowledged = try await eventually {
                    let consumer = try await bench.jetStream.consumerInfo(
                        stream: EventLogConfiguration.approvalsName,
                        consumer: RecordAnnouncer.name
                    )
                    return consumer.acknowledged.streamSequence == 5
                }
                #expect(areAnnounced && areAcknowledged)
            }
        }
        #expect(try await bench.types().count == expected.count)
        #expect(bench.letters.totals.isEmpty && other.letters.totals.isEmpty)
        // Each is the event of its record, at its place, and for whom the request was.
        for sequence in 2...6 as ClosedRange<UInt64> {
            let entry = try #require(try await bench.log.storedEvent(at: sequence))
            #expect(entry.event.recipients == recipients)
            #expect(entry.intake == Fixture.time || entry.approvalPlace == .effect(approvalID: "a"))
            if let record = left.first(where: { $0.1 == entry.approvalPlace }) { #expect(entry.event == record.0) }
        }
    }

    /// A record may come again at any time: after an outage, from a lost consumer, or through two replicas at once.
    @Test func aRedeliveryAnnouncesNothingTwice() async throws {
        let bench = try await ApprovalBench(), other = try await ApprovalBench(on: bench.server)
        try await bench.request("a")
        let request = try #require(try await bench.approval("a")).request
        let record = try await Self.leave(try Self.decision(request, .reject), at: .decision(approvalID: "a"), bench)
        let outcomes = await withTaskGroup(of: WorkOutcome.self) { group in
            for index in 0..<12 { group.addTask { await [bench, other][index % 2].announcer.announce(record) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.allSatisfy { $0 == .done })
        let types = ["approval.requested", "approval.resolved", "remediation.rejected"]
        #expect(try await bench.types() == types)
        bench.server.kill()
        try await bench.server.start()
        let restarted = try await ApprovalBench(on: bench.server)
        #expect(await restarted.announcer.announce(record) == .done)
        #expect(try await restarted.types() == types)
    }

    /// The process died between the announcement of a decision and its effect.
    @Test func anEffectThatIsMissingIsMade() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a")
        let request = try #require(try await bench.approval("a")).request
        let record = try await Self.leave(try Self.decision(request), at: .decision(approvalID: "a"), bench)
        _ = try await bench.log.append(record.event, onceAt: record.place, intake: record.intake)
        for _ in 0..<2 { #expect(await bench.announcer.announce(record) == .done) }
        #expect(try await bench.types() == ["approval.requested", "approval.resolved", "remediation.approved"])
    }

    /// The event of another record is never taken for that of this one, nor the effect of another decision.
    @Test func whatAnotherStoredAtThePlaceIsAFailure() async throws {
        let bench = try await ApprovalBench()
        for name in ["a", "b"] { try await bench.request(name) }
        let (a, b) = (try #require(try await bench.approval("a")).request, try #require(try await bench.approval("b")).request)
        let first = Fixture.record(try Self.decision(a, id: "first"), at: .decision(approvalID: "a"), 1)
        let second = Fixture.record(try Self.decision(a, id: "second"), at: .decision(approvalID: "a"), 2)
        #expect(await bench.announcer.announce(first) == .done)
        #expect(await bench.announcer.announce(first) == .done, "its own")
        #expect(await bench.announcer.announce(second) == .failed("The log holds another event at the place of this record."))
        let forged = try Fixture.event("remediation.approved", #"{"remediationId":"rem_b"}"#, id: "forged")
        _ = try await bench.log.append(forged, onceAt: .effect(approvalID: "b"), intake: Fixture.time)
        let record = Fixture.record(try Self.decision(b), at: .decision(approvalID: "b"), 3)
        guard case .failed = await bench.announcer.announce(record) else {
            Issue.record("the place holds the effect of another decision")
            return
        }
    }

    @Test func aRequestIsNotAnnounced() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a")
        let record = try #require(try await bench.record(.request(approvalID: "a")))
        #expect(await bench.announcer.announce(record) == .done)
        #expect(try await bench.types() == ["approval.requested"])
    }

    /// A malformed message of the stream becomes a dead letter of its tenant, and the model goes on.
    @Test func whatIsNoRecordIsADeadLetter() async throws {
        let bench = try await ApprovalBench()
        try await bench.request("a")
        for subject in ["approvals.acme.b.DECISION", "approvals.acme.b.OTHER", "approvals.x", "delegations.acme.u.dlg_1"] {
            _ = try await bench.jetStream.publish(subject: subject, payload: Array("[]".utf8))
        }
        let request = try #require(try await bench.approval("a")).request
        _ = try await Self.leave(try Self.decision(request), at: .decision(approvalID: "a"), bench)
        try await bench.running({ try await bench.announcer.run { await bench.decisions.settle($0) } }) {
            #expect(await eventually { bench.letters.totals == [RecordAnnouncer.name: 3] })
            let isAnnounced = try await eventually { try await bench.types().last == "remediation.approved" }
            #expect(isAnnounced)
        }
        let letters = try await bench.letters.list(tenant: Fixture.acme, work: RecordAnnouncer.name, limit: 9).map(\.letter)
        #expect(letters.map(\.subject) == ["approvals.acme.b.DECISION"], "of the subjects, one names a tenant")
        #expect(try await bench.approval("a")?.status == .approved)
    }
}
