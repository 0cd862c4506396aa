import Basics
import EventModel
import Foundation
import TestKit
import Testing

@testable import approval_api

@Suite struct VoteTests {
    private static let request = Fixture.approval().request

    @Test(arguments: DecisionAction.ofPeople) func isReadBackFromItsEvent(_ action: DecisionAction) throws {
        for other in [nil, "cleo"] as [String?] {
            var vote = Fixture.vote(action, by: "bob", for: ["b", "a"], onBehalfOf: other, at: 5)
            vote.reason = "line\nbreak"
            let event = try vote.event(on: Self.request, traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            #expect(event.type.name == "approval.voted" && event.id == vote.eventID && event.time == Fixture.later(5))
            #expect(event.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
            #expect(event.payload.strings("groups") == ["a", "b"])
            #expect(event.payload.string("approvalId") == "apr" && event.payload.string("remediationId") == "rem")
            vote.record = 7
            #expect(Vote(event, record: 7) == vote)
            #expect(vote.person.text == other ?? "bob")
        }
    }

    /// The audience, and the digest of what was voted on, are those of the request.
    @Test func belongsToItsRequest() throws {
        var request = Self.request
        request.recipients = try #require(Recipients("ann", and: ["nina"]))
        request.incidentID = "inc"
        request.actionDigest = try ActionDigest(of: Array("{}".utf8)[...], field: "action")
        let consumption = Consumption(consumedBy: "exec", consumedAt: Fixture.time, eventID: "c")
        let events = [
            try Fixture.vote(by: "bob").event(on: request, traceparent: nil), try consumption.event(on: request, traceparent: nil),
        ]
        for event in events {
            #expect(event.recipients == request.recipients && event.tenant == Fixture.acme && event.source == ApprovalEvent.source)
            #expect(event.payload.string("incidentId") == "inc")
            #expect(event.payload.string("actionDigest") == request.actionDigest?.text)
        }
    }

    @Test(arguments: [
        #"{"action":"approve","votedBy":"u"}"#, #"{"action":"expire","votedBy":"u","groups":[]}"#, #"{"action":"approve","groups":[]}"#,
        #"{"votedBy":"u","groups":[]}"#, #"{"action":"approve","votedBy":"","groups":[]}"#,
        #"{"action":"approve","votedBy":"u","groups":"g"}"#,
        #"{"action":"approve","votedBy":"u","groups":[1]}"#, #"{"action":"approve","votedBy":"u","groups":null}"#,
        #"{"action":"approve","votedBy":"u","groups":[],"onBehalfOf":""}"#, #"{"action":1,"votedBy":"u","groups":[]}"#,
    ])
    func otherEventsAreNoVotes(_ payload: String) throws {
        #expect(Vote(try Fixture.event("approval.voted", payload), record: 1) == nil)
    }

    @Test func theTypeIsLookedAt() throws {
        let vote = #"{"action":"approve","votedBy":"u","consumedBy":"u","groups":[]}"#
        #expect(Vote(try Fixture.event("approval.voted", vote), record: 1) != nil)
        #expect(Vote(try Fixture.event("approval.resolved", vote), record: 1) == nil)
        #expect(Consumption(try Fixture.event("approval.consumed", vote)) != nil)
        #expect(Consumption(try Fixture.event("approval.voted", vote)) == nil)
    }

    // MARK: Consumption and escalation

    @Test func aConsumptionIsReadBack() throws {
        let consumption = Consumption(consumedBy: "exec", consumedAt: Fixture.later(3), eventID: "con_1")
        let event = try consumption.event(on: Self.request, traceparent: nil)
        #expect(event.type.name == "approval.consumed" && event.id == "con_1")
        #expect(Consumption(event) == consumption)
        for payload in ["{}", #"{"consumedBy":""}"#, #"{"consumedBy":7}"#] {
            #expect(Consumption(try Fixture.event("approval.consumed", payload)) == nil)
        }
    }

    @Test func anEscalationNamesTheGroupsThatItAdds() throws {
        let steps =
            #""escalation":[{"after":"10m","groups":[{"name":"g","users":["g"]}]},{"after":"1h","groups":[{"name":"h","users":["h"]},{"name":"i","roles":["i"]}]}]"#
        var request = Fixture.approval(policy: steps).request
        request.title = "T"
        let event = try Escalation.event(step: 2, of: request, at: Fixture.later(4))
        #expect(event.type.name == "approval.escalated" && event.time == Fixture.later(4))
        #expect(event.payload.strings("groups") == ["h", "i"] && event.payload.string("title") == "T")
        #expect(event.payload.json("step").map { String(decoding: $0, as: UTF8.self) } == "2")
        let other = try Escalation.event(step: 2, of: request, at: Fixture.later(9))
        #expect(other.id == event.id, "the same in every process")
        #expect(try Escalation.event(step: 1, of: request, at: Fixture.later(4)).id != event.id)
    }

    // MARK: Sizes

    /// Identifiers, texts and names of maximum length, every byte escaped, stay far below the smallest `max_payload` that nats-server is likely to have.
    @Test func theLargestEventsFit() throws {
        let longest = String(repeating: "\"", count: 256)
        func groups(_ count: Int) -> [ApprovalGroup] {
            (0..<count).map { index in
                let name = "\(index)" + String(repeating: "\"", count: ApprovalGroup.maximumNameBytes - "\(index)".utf8.count)
                return ApprovalGroup(name: name, roles: ["r"], needed: 1)
            }
        }
        var request = Self.request
        request.approvalID = try ApprovalID(longest)
        request.remediationID = try RemediationID(longest)
        request.incidentID = try IncidentID(longest)
        let others = try (10..<10 + Recipients.maximumOthers).map { try UserID("\($0)" + longest.dropFirst(2)) }
        request.recipients = try #require(Recipients(UserID(longest), and: others))
        request.tenant = try Tenant(longest)
        request.title = String(repeating: "\u{1}", count: Approval.Request.maximumTitleBytes)
        request.actionDigest = try ActionDigest(of: Array("{}".utf8)[...], field: "action")
        var vote = Fixture.vote(by: longest, for: Set(groups(ApprovalPolicy.maximumGroups).map(\.name)), onBehalfOf: longest)
        vote.reason = String(repeating: "\u{1}", count: DecisionRequest.maximumReason)
        let event = try vote.event(on: request, traceparent: nil)
        #expect(event.payload.bytes.count < 32 * 1024)
        #expect(NATSBinding.headers(of: event).reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count } < 64 * 1024)
        #expect(Vote(event, record: 0) == vote)
        // Of the members of every group of every step.
        vote.groups = Set(groups(ApprovalPolicy.maximumGroups * (ApprovalPolicy.maximumSteps + 1)).map(\.name))
        #expect(try vote.event(on: request, traceparent: nil).payload.bytes.count < 64 * 1024)
        let consumption = Consumption(consumedBy: try UserID(longest), consumedAt: Fixture.time, eventID: "c")
        #expect(try consumption.event(on: request, traceparent: nil).payload.bytes.count < 32 * 1024)
        let widest = ApprovalEscalation(after: .seconds(1), groups: groups(ApprovalPolicy.maximumGroups))
        let names = try JSONEncoder().encode(widest.groups.map(\.name))
        let terms = widest.groups.map { group in
            let name = group.name.replacingOccurrences(of: "\"", with: "\\\"")
            return #"{"name":"\#(name)","roles":["r"]}"#
        }
        request.policy = Fixture.policy(#""escalation":[{"after":"1s","groups":[\#(terms.joined(separator: ","))]}]"#)
        let escalation = try Escalation.event(step: 1, of: request, at: Fixture.time)
        #expect(escalation.payload.bytes.count < 32 * 1024 && escalation.payload.bytes.count > names.count)
    }
}
