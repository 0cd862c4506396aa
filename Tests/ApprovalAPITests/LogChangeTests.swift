import Basics
import EventModel
import Testing

@testable import approval_api

@Suite struct LogChangeTests {
    @Test func aDecisionIsWhatLiesAtThePlaceOfOne() throws {
        let payload = #"{"approvalId":"a","remediationId":"r","action":"approve"}"#
        let placed = try Fixture.entry(5, "approval.resolved", payload, place: .decision(approvalID: ApprovalID(generated: "a")))
        let loose = try Fixture.entry(5, "approval.resolved", payload)
        let misplaced = try Fixture.entry(5, "approval.resolved", payload, place: .decision(approvalID: ApprovalID(generated: "b")))
        func decides(_ changes: [LogChange]) -> Bool {
            changes.contains { if case .decided = $0 { true } else { false } }
        }
        #expect(decides(LogChange.changes(of: placed)))
        #expect(!decides(LogChange.changes(of: loose)))
        #expect(!decides(LogChange.changes(of: misplaced)))
    }

    @Test func anEffectIsWhatLiesAtThePlaceOfOne() throws {
        let placed = try Fixture.entry(
            6,
            "remediation.approved",
            #"{"remediationId":"r"}"#,
            place: .effect(approvalID: ApprovalID(generated: "a"))
        )
        guard case .effected(let tenant, let approvalID, let effect)? = LogChange.changes(of: placed).first else {
            Issue.record("no effect")
            return
        }
        #expect((tenant, approvalID) == (Fixture.acme, ApprovalID(generated: "a")))
        #expect(effect.typeName == "remediation.approved")
        let loose = try Fixture.entry(6, "remediation.approved", #"{"remediationId":"r"}"#)
        #expect(LogChange.changes(of: loose).count == 1, "a notification and nothing else")
    }

    @Test func approvalsAloneMayWriteWhatTheyWrite() throws {
        #expect(EventCatalogue.isWrittenByApprovals(try EventType(Decision.typeName)))
        for action in DecisionAction.allCases {
            #expect(EventCatalogue.isWrittenByApprovals(try EventType(action.effectTypeName)), "\(action)")
        }
    }

    /// Read at its own place, or at the subject of its type; never at another approval's place.
    @Test func aRequestIsWhatLiesAtItsPlace() throws {
        let payload = #"{"approvalId":"a","remediationId":"r"}"#
        func requests(_ place: DecisionPlace?) throws -> Bool {
            LogChange.changes(of: try Fixture.entry(1, "approval.requested", payload, place: place)).contains {
                if case .requested = $0 { true } else { false }
            }
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
        #expect(changes.isEmpty, "and nobody is asked for an answer either")
    }

    @Test func mostEventsChangeNothing() throws {
        let entry = try Fixture.entry(1, "investigation.progress", #"{"incidentId":"i","message":"m","agentName":"a"}"#)
        #expect(LogChange.changes(of: entry).isEmpty)
    }
}
