import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

@Suite struct LogChangeTests {
    /// The event at a place is shown with its approval; what is decided, the records say.
    @Test func anEventOfAnApprovalIsWhatLiesAtAPlaceOfIt() throws {
        let payload = #"{"approvalId":"a","remediationId":"r","action":"approve"}"#
        let placed = try Fixture.entry(5, "approval.resolved", payload, place: .decision(approvalID: ApprovalID(generated: "a")))
        let loose = try Fixture.entry(5, "approval.resolved", payload)
        let announced = Approval.Announced(
            typeName: "approval.resolved",
            time: Fixture.time,
            place: LogPlace(sequence: 5, intake: Fixture.later(5))
        )
        #expect(LogChange.changes(of: placed).contains(.announced(tenant: Fixture.acme, place: .decision(approvalID: "a"), announced)))
        #expect(announcements(LogChange.changes(of: loose)).isEmpty)
        for place in [
            ApprovalPlace.vote(approvalID: "a", voter: "u"), .escalation(approvalID: "a", step: 2), .consumption(approvalID: "a"),
        ] {
            let entry = try Fixture.entry(5, "approval.voted", #"{"approvalId":"a","remediationId":"r"}"#, place: place)
            #expect(announcements(LogChange.changes(of: entry)) == [place])
        }
    }

    private func announcements(_ changes: [LogChange]) -> [ApprovalPlace] {
        changes.compactMap { if case .announced(_, let place, _) = $0 { place } else { nil } }
    }

    @Test func anEffectIsWhatLiesAtThePlaceOfOne() throws {
        let placed = try Fixture.entry(
            6,
            "remediation.approved",
            #"{"remediationId":"r"}"#,
            place: .effect(approvalID: ApprovalID(generated: "a"))
        )
        guard case .announced(let tenant, let place, let effect)? = LogChange.changes(of: placed).first else {
            Issue.record("no effect")
            return
        }
        #expect(tenant == Fixture.acme && place == .effect(approvalID: "a"))
        #expect(effect.typeName == "remediation.approved")
        let loose = try Fixture.entry(6, "remediation.approved", #"{"remediationId":"r"}"#)
        #expect(LogChange.changes(of: loose).count == 1, "a notification and nothing else")
    }

    @Test func approvalsAloneMayWriteWhatTheyWrite() throws {
        for name in [Decision.typeName, Vote.typeName, Escalation.typeName, Consumption.typeName] {
            #expect(EventCatalogue.isWrittenByApprovals(try EventType(name)), "\(name)")
        }
        for action in DecisionAction.allCases {
            #expect(EventCatalogue.isWrittenByApprovals(try EventType(action.effectTypeName)), "\(action)")
        }
    }

    /// Read at its own place, or at the subject of its type; never at another approval's place.
    @Test func aRequestIsWhatLiesAtItsPlace() throws {
        let payload = #"{"approvalId":"a","remediationId":"r"}"#
        func requests(_ place: ApprovalPlace?) throws -> Bool {
            let changes = LogChange.changes(of: try Fixture.entry(1, "approval.requested", payload, place: place))
            return announcements(changes) == [.request(approvalID: "a")] && changes.count == 2
        }
        #expect(try requests(nil))
        #expect(try requests(.request(approvalID: ApprovalID(generated: "a"))))
        #expect(try !requests(.request(approvalID: ApprovalID(generated: "b"))))
    }

    @Test func aRequestAtThePlaceOfADecisionAsksForNothing() throws {
        let payload = #"{"approvalId":"a","remediationId":"r"}"#
        let changes = LogChange.changes(
            of: try Fixture.entry(1, "approval.requested", payload, place: .decision(approvalID: ApprovalID(generated: "a")))
        )
        #expect(!announcements(changes).contains(.request(approvalID: "a")))
        #expect(!changes.contains { if case .notified = $0 { true } else { false } }, "and nobody is asked for an answer either")
    }

    @Test func mostEventsChangeNothing() throws {
        let entry = try Fixture.entry(1, "investigation.progress", #"{"incidentId":"i","message":"m","agentName":"a"}"#)
        #expect(LogChange.changes(of: entry).isEmpty)
    }
}
