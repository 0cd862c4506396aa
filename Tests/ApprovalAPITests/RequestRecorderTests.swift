import Basics
import EventLog
import EventModel
import NATSClient
import TestKit
import Testing

@testable import approval_api

/// Recording of requests that came over the bus, and of decisions of version 1, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct RequestRecorderTests {
    /// Stores a decision at its place in the log, without a record, as version 1 did.
    private static func decideInLog(
        _ bench: ApprovalBench,
        _ approval: String,
        _ action: String = "approve",
        of request: Cursor?
    ) async throws -> UInt64 {
        let named = request.map { #","requestEventId":"\#($0.text)""# } ?? ""
        let payload = #"{"approvalId":"\#(approval)","remediationId":"rem_\#(approval)","action":"\#(action)","decidedBy":"ann"\#(named)}"#
        let event = try Fixture.event("approval.resolved", payload, id: "dec_\(approval)")
        let place = ApprovalPlace.decision(approvalID: try ApprovalID(approval))
        return try await bench.log.append(event, onceAt: place, intake: Fixture.time).entry.sequence
    }

    @Test func requestsOfEveryFormOfSubjectAreRecorded() async throws {
        let bench = try await ApprovalBench()
        let typed = try await bench.publish("typed", on: "events.acme.approval.requested", id: "1")
        let untyped = try await bench.publish("untyped", on: "events.acme", type: "approval.requested", id: "2")
        let placed = try await bench.publish("placed", on: "events.acme.DECISION.placed.REQUEST", type: "approval.requested", id: "3")
        _ = try await bench.publish("other", on: "events.acme", type: "a.b", id: "4")
        try await bench.running({ try await bench.recorder.run() }) {
            for (name, id, sequence) in [("typed", "1", typed), ("untyped", "2", untyped), ("placed", "3", placed)] {
                let place = ApprovalPlace.request(approvalID: try ApprovalID(name))
                #expect(try await eventually { try await bench.record(place) != nil }, "\(name)")
                let record = try #require(try await bench.record(place))
                #expect(record.event.id.text == id && record.request?.sequence == sequence)
                #expect(record.request?.epoch == bench.log.epoch)
            }
        }
        #expect(bench.letters.totals.isEmpty)
        #expect(try await bench.record(.request(approvalID: "other")) == nil)
        #expect(try await bench.jetStream.streamInfo(EventLogConfiguration.approvalsName).state.messages == 3)
        // Each asks in the list, as the one that is recorded.
        #expect(try await bench.approval("untyped")?.status == .pending)
        let query = NotificationQuery(viewer: Fixture.ann, epoch: bench.log.epoch, type: Approval.Request.type, limit: 9)
        #expect(try await Set(bench.model.notifications(query).items.map(\.record.place.sequence)) == [typed, untyped, placed])
    }

    /// What the intake recorded is not recorded again; a second request of the id is passed over.
    @Test func aSecondRequestIsPassedOver() async throws {
        let bench = try await ApprovalBench()
        let cursor = try await bench.request("a")
        let second = try await bench.publish("a", on: "events.acme.approval.requested", #","title":"Delete the database""#, id: "2")
        let entries = [
            try #require(try await bench.log.storedEvent(at: cursor.sequence)), try #require(try await bench.log.storedEvent(at: second)),
        ]
        for entry in entries + entries { #expect(await bench.recorder.record(entry) == .done) }
        #expect(try await bench.record(.request(approvalID: "a"))?.request == cursor)
        let approval = try #require(try await bench.approval("a"))
        #expect(approval.request.title == nil && approval.request.event == cursor)
        let query = NotificationQuery(viewer: Fixture.ann, epoch: bench.log.epoch, limit: 9)
        #expect(try await bench.model.notifications(query).items.map(\.record.place.sequence) == [cursor.sequence], "nobody is asked twice")
    }

    /// A request that was just published is found at once, before any reading got it.
    @Test func whatWasJustPublishedIsRecordedWhenSomebodyAsksForIt() async throws {
        let bench = try await ApprovalBench()
        #expect(try await bench.approval("a") == nil)
        let sequence = try await bench.publish("a", on: "events.acme.approval.requested", id: "1")
        #expect(try await bench.approval("a")?.request.event.sequence == sequence)
        guard case .decided = try await bench.decide("a", by: "ann", roles: ["admin"]) else {
            Issue.record("it can be decided")
            return
        }
    }

    @Test func aMalformedRequestIsADeadLetter() async throws {
        let bench = try await ApprovalBench()
        let long = String(repeating: "t", count: 3000)
        _ = try await bench.publish("a", on: "events.acme.approval.requested", #","title":"\#(long)""#, id: "1")
        _ = try await bench.publish("b", on: "events.acme.approval.requested", #","groups":[{"name":"g"}]"#, id: "2")
        _ = try await bench.publish("c", on: "events.acme.approval.requested", id: "3")
        try await bench.running({ try await bench.recorder.run() }) {
            #expect(await eventually { bench.letters.totals == [RequestRecorder.Work.requests.rawValue: 2] })
            let isRecorded = try await eventually { try await bench.record(.request(approvalID: "c")) != nil }
            #expect(isRecorded, "it holds nobody up")
        }
        let letters = try await bench.letters.list(tenant: Fixture.acme, work: nil, limit: 9).map(\.letter)
        let reasons = Dictionary(uniqueKeysWithValues: letters.map { ($0.sequence, $0.reason) })
        #expect(reasons[1]?.contains("title: must be at most 2048 bytes") == true, "\(reasons)")
        #expect(reasons[2] == "The event is not a valid approval request.")
        for id in ["a", "b"] as [ApprovalID] { #expect(try await bench.record(.request(approvalID: id)) == nil) }
    }

    // MARK: Decisions of version 1

    @Test func aDecisionOfVersion1IsAdopted() async throws {
        let bench = try await ApprovalBench()
        // Neither has a record: version 1 wrote the log alone.
        let sequence = try await bench.publish("a", on: "events.acme.DECISION.a.REQUEST", type: "approval.requested", id: "a")
        let entry = try #require(try await bench.log.storedEvent(at: sequence))
        let request = entry.cursor(epoch: bench.log.epoch)
        let decision = try await Self.decideInLog(bench, "a", of: request)
        try await bench.running({ try await bench.recorder.run() }) {
            let isRecorded = try await eventually { try await bench.record(.decision(approvalID: "a")) != nil }
            #expect(isRecorded)
        }
        #expect(try await bench.record(.request(approvalID: "a"))?.request == request)
        let approval = try #require(try await bench.approval("a"))
        #expect(approval.status == .approved && approval.decision?.eventID == "dec_a")
        #expect(approval.announced[ApprovalPlace.decision(approvalID: "a").name]?.place.sequence == decision)
        #expect(bench.letters.totals.isEmpty)
        // It is announced already; its effect is made once.
        let record = try #require(try await bench.record(.decision(approvalID: "a")))
        for _ in 0..<2 { #expect(await bench.announcer.announce(record) == .done) }
        #expect(try await bench.types() == ["approval.requested", "approval.resolved", "remediation.approved"])
    }

    /// Asked for before any reading got it, it is not shown as pending.
    @Test func aDecisionOfVersion1IsAdoptedWhenSomebodyAsksForIt() async throws {
        let bench = try await ApprovalBench()
        let cursor = try await bench.request("a")
        _ = try await Self.decideInLog(bench, "a", "reject", of: cursor)
        #expect(try await bench.approval("a")?.status == .rejected)
        guard case .alreadyResolved = try await bench.decide("a", by: "bob", roles: ["admin"]) else {
            Issue.record("it is decided")
            return
        }
    }

    /// A decision about another request of the id, or whose request left the log unrecorded, decides nothing.
    @Test func aDecisionAboutAnotherRequestIsNotAdopted() async throws {
        let bench = try await ApprovalBench()
        let cursor = try await bench.request("a")
        let other = Cursor(time: Fixture.later(77), epoch: bench.log.epoch, sequence: cursor.sequence)
        _ = try await Self.decideInLog(bench, "a", of: other)
        _ = try await Self.decideInLog(bench, "gone", of: Cursor(time: Fixture.time, epoch: bench.log.epoch, sequence: 99))
        let marker = try await bench.request("marker")
        _ = try await Self.decideInLog(bench, "marker", of: marker)
        try await bench.running({ try await bench.recorder.run() }) {
            let isRecorded = try await eventually { try await bench.record(.decision(approvalID: "marker")) != nil }
            let areAcknowledged = try await eventually {
                let name = RequestRecorder.Work.decisions.rawValue
                return try await bench.jetStream.consumerInfo(stream: "EVENTS", consumer: name).acknowledged.streamSequence >= 5
            }
            #expect(isRecorded && areAcknowledged)
        }
        for id in ["a", "gone"] as [ApprovalID] { #expect(try await bench.record(.decision(approvalID: id)) == nil) }
        #expect(try await bench.approval("a")?.status == .pending)
        #expect(try await bench.approval("gone") == nil)
    }
}
