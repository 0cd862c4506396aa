import Basics
import EventModel
import TestKit
import Testing

@testable import EventLog
@testable import approval_api

/// Records of approvals and delegations, as the read model reads them.
@Suite struct ApprovalChangeTests {
    private static let steps = #","escalation":[{"after":"10m","groups":[{"name":"h","roles":["h"]}]}]"#

    /// A model with a request of `acme`, and the request as read back.
    private func model(_ members: String = steps) async throws -> (ReadModel, Approval.Request) {
        let model = try ReadModel(path: ReadModelFile.memory)
        _ = try await model.followLog(Fixture.log(), isRecognised: true)
        try await model.take(recorded: try Fixture.request("a", members: members))
        return (model, try #require(try await model.approval("a", of: Fixture.acme)).request)
    }

    @Test func whatIsRecordedIsReadBack() async throws {
        let (model, request) = try await model()
        var votes = [
            Fixture.vote(by: "bob", for: ["admin", "h"], at: 3, record: 2),
            Fixture.vote(.reject, by: "cleo", for: ["h"], onBehalfOf: "dan", record: 4),
        ]
        votes[1].reason = "no\u{0}, because"
        let consumption = Consumption(consumedBy: "exec", consumedAt: Fixture.later(9), eventID: "con_1")
        try await model.take([
            Fixture.record(try votes[0].event(on: request, traceparent: nil), at: .vote(approvalID: "a", voter: "bob"), 2),
            Fixture.record(try Escalation.event(step: 1, of: request, at: Fixture.later(5)), at: .escalation(approvalID: "a", step: 1), 3),
            Fixture.record(try votes[1].event(on: request, traceparent: nil), at: .vote(approvalID: "a", voter: "cleo"), 4),
            Fixture.record(try consumption.event(on: request, traceparent: nil), at: .consumption(approvalID: "a"), 5),
        ])
        let approval = try #require(try await model.approval("a", of: Fixture.acme))
        #expect(approval.votes == votes)
        #expect(approval.escalations == [1: Approval.Escalated(at: Fixture.later(5), record: 3)])
        #expect(approval.consumption == consumption)
        #expect(approval.status == .pending && approval.decision == nil)
        #expect(try await model.listed(for: Fixture.ann) == [approval])
    }

    /// What a broken writer stored at a place counts for nothing, and holds nothing up.
    @Test func whatIsMalformedIsSkipped() async throws {
        let (model, request) = try await model()
        let broken = #"{"approvalId":"a","remediationId":"r"}"#
        let fine = Fixture.vote(by: "eve", for: ["admin"], record: 6)
        try await model.take([
            Fixture.record(try Fixture.event("approval.voted", broken), at: .vote(approvalID: "a", voter: "bob"), 2),
            Fixture.record(try Fixture.event("approval.resolved", broken), at: .decision(approvalID: "a"), 3),
            Fixture.record(try Fixture.event("approval.consumed", broken), at: .consumption(approvalID: "a"), 4),
            Fixture.record(try Fixture.event("remediation.approved", broken), at: .vote(approvalID: "a", voter: "dan"), 5),
            Fixture.record(try fine.event(on: request, traceparent: nil), at: .vote(approvalID: "a", voter: "eve"), 6),
        ])
        let approval = try #require(try await model.approval("a", of: Fixture.acme))
        #expect(approval.votes == [fine])
        #expect(approval.status == .pending && approval.decision == nil && approval.consumption == nil)
        #expect(try await model.listed(for: Fixture.ann, .pending) == [approval])
    }

    /// A record of a request whose event is none, or of another approval's request, makes no approval.
    @Test func aMalformedRequestIsNoChange() throws {
        let sound = try Fixture.request("a")
        #expect(ApprovalChange(try Fixture.record(of: sound)) != nil)
        let misplaced = ApprovalRecord(
            sequence: 1,
            place: .request(approvalID: "b"),
            event: sound.event,
            intake: sound.intake,
            request: sound.cursor(epoch: 7)
        )
        #expect(ApprovalChange(misplaced) == nil)
        let broken = try Fixture.request("a", members: #","groups":7"#)
        #expect(ApprovalChange(try Fixture.record(of: broken)) == nil)
    }

    // MARK: Delegations

    @Test func aDelegationIsReadBack() throws {
        let given = Delegation(
            id: "dlg_1",
            tenant: "ws 1.x",
            giver: "a.é",
            roles: ["sec", "x y"],
            receiver: "b\"",
            createdAt: Fixture.time,
            until: Fixture.later(5)
        )
        let subject = DelegationMessage.subject(tenant: given.tenant, giver: given.giver, id: given.id, isRevoked: false)
        #expect(subject == "delegations.ws=201=2Ex.a=2E=C3=A9.dlg_1")
        #expect(DelegationMessage(subject: subject, body: try DelegationMessage.body(of: given)) == .given(given))
        let revoked = DelegationMessage.subject(tenant: given.tenant, giver: given.giver, id: given.id, isRevoked: true)
        #expect(DelegationMessage(subject: revoked, body: Array("{}".utf8)) == .revoked(tenant: given.tenant, id: "dlg_1"))
    }

    @Test(arguments: [
        ("delegations.a.u.dlg_1", "[]"), ("delegations.a.u.dlg_1", "{}"),
        ("delegations.a.u.dlg_1", #"{"roles":[],"to":"","at":1,"until":2}"#),
        ("delegations.a.u.dlg_1", #"{"roles":"r","to":"v","at":1,"until":2}"#), ("delegations.a.u.dlg_1", #"{"roles":[],"to":"v","at":1}"#),
        ("delegations.a.u.dlg_1", #"{"roles":[],"to":"v","to":"w","at":1,"until":2}"#),
        ("delegations.a.u", #"{"roles":[],"to":"v","at":1,"until":2}"#),
        ("delegations.a.=zz.dlg_1", #"{"roles":[],"to":"v","at":1,"until":2}"#), ("delegations.a.u.dlg_1.GONE", "{}"),
        ("delegations.a.u.dlg_1.REVOKED.x", "{}"), ("approvals.a.u.dlg_1", #"{"roles":[],"to":"v","at":1,"until":2}"#),
    ])
    func otherMessagesAreNoDelegations(_ subject: String, _ body: String) {
        #expect(DelegationMessage(subject: subject, body: Array(body.utf8)) == nil)
    }

    /// Those in force to a person, oldest first; a revocation and the end of its time end one.
    @Test func delegationsAreListedWhileTheyAreInForce() async throws {
        let (model, _) = try await model()
        func take(_ changes: [ApprovalChange], _ position: UInt64) async throws {
            try await model.apply(
                { database in for change in changes { try change.write(to: database) } },
                of: .approvals,
                position: position,
                stamp: nil,
                generation: 0
            )
        }
        var short = Fixture.delegation("ann", ["sec"], to: "bob", id: "dlg_2")
        short.until = Fixture.later(100)
        let long = Fixture.delegation("zoe", [], to: "bob", id: "dlg_1"), other = Fixture.delegation("bob", ["x"], to: "cleo", id: "dlg_3")
        try await take([.delegation(short, place: 2), .delegation(long, place: 3), .delegation(other, place: 4)], 4)
        #expect(try await model.delegations(to: Fixture.bob, from: nil, at: Fixture.time) == [short, long])
        #expect(try await model.delegations(to: Fixture.bob, from: nil, at: Fixture.later(100)) == [long])
        #expect(try await model.delegations(with: Fixture.bob, at: Fixture.time) == [short, long, other])
        #expect(try await model.delegations(to: Fixture.bob, from: "zoe", at: Fixture.time) == [long])
        #expect(try await model.delegations(by: Fixture.bob, at: Fixture.time) == [other])
        #expect(try await model.delegations(to: Fixture.viewer("bob", of: "globex"), from: nil, at: Fixture.time) == [])
        try await take([.revocation(tenant: "globex", id: "dlg_1"), .revocation(tenant: Fixture.acme, id: "dlg_2")], 6)
        #expect(try await model.delegations(to: Fixture.bob, from: nil, at: Fixture.time) == [long])
    }
}
