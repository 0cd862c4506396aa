import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

/// Approvals that expire, escalate or wait.
@Suite struct DueApprovalsTests {
    private func model() async throws -> ReadModel {
        let model = try ReadModel(path: ReadModelFile.memory)
        _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        return model
    }

    @Test func findsWhatIsOverdue() async throws {
        let model = try await model()
        let entries = [
            try Fixture.request("soon", at: 1, members: #","expiresAt":"2024-01-01T00:00:00Z""#),
            try Fixture.request("sooner", at: 2, tenant: "globex", members: #","expiresAt":"never""#),
            try Fixture.request("later", at: 3, members: #","expiresAt":"2024-01-01T00:00:00.001Z""#),
            try Fixture.request("never", at: 4), try Fixture.request("done", at: 5, members: #","expiresAt":"2023-01-01T00:00:00Z""#),
            try Fixture.decision("done", "approve", at: 6),
        ]
        try await model.take(all: entries)
        let now = try #require(Timestamp(rfc3339: "2024-01-01T00:00:00Z"))
        #expect(try await model.due(by: now, limit: 10).map(\.approval.request.approvalID.text) == ["sooner", "soon"])
        let first = try await model.due(by: now, limit: 1)
        #expect(first.map(\.approval.request.approvalID.text) == ["sooner"])
        #expect(try await model.due(by: now, after: first.last, limit: 1).map(\.approval.request.approvalID.text) == ["soon"])
    }

    @Test func pagesThroughWhatIsOverdueAtTheSameMoment() async throws {
        let model = try await model()
        let names = (0..<7).map { "a\($0)" }
        try await model.take(
            all:
                try names.enumerated().map { index, name in
                    try Fixture.request(name, at: UInt64(7 - index), tenant: index < 4 ? "acme" : "globex", members: #","expiresAt":"x""#)
                }
        )
        var found: [ReadModel.Due] = []
        while true {
            let page = try await model.due(by: Fixture.time, after: found.last, limit: 2)
            found += page
            if page.isEmpty { break }
        }
        #expect(found.map(\.approval.request.approvalID.text) == names)
    }

    /// An escalation is due before the expiry, and each step after the one before.
    @Test func findsWhatEscalates() async throws {
        let model = try await model()
        let steps =
            #","escalation":[{"after":"10m","groups":[{"name":"g","users":["g"]}]},{"after":"20m","groups":[{"name":"h","users":["h"]}]}]"#
        let entry = try Fixture.request("a", members: #"\#(steps),"expiresAt":"\#(Fixture.later(3_600_000).iso8601)""#)
        try await model.take(all: [entry])
        func due(_ milliseconds: Int64) async throws -> [Int64] {
            try await model.due(by: Fixture.later(milliseconds), limit: 9).map { $0.at - Fixture.time.millisecondsSinceEpoch }
        }
        let request = try #require(try await model.approval("a", of: Fixture.acme)).request
        func escalate(_ step: Int, at milliseconds: Int64) async throws {
            let event = try Escalation.event(step: step, of: request, at: Fixture.later(milliseconds))
            try await model.take([Fixture.record(event, at: .escalation(approvalID: "a", step: step), UInt64(step + 1))])
        }
        // Counted from the intake, which is 1 ms after the fixture's time.
        #expect(try await due(600_000) == [])
        #expect(try await due(600_001) == [600_001])
        try await escalate(1, at: 600_500)
        #expect(try await due(1_200_000) == [])
        #expect(try await due(1_200_001) == [1_200_001])
        try await escalate(2, at: 1_300_000)
        #expect(try await due(3_599_999) == [])
        #expect(try await due(3_600_000) == [3_600_000])
        let escalations = try #require(try await model.approval("a", of: Fixture.acme)).escalations
        #expect(escalations == [1: .init(at: Fixture.later(600_500), record: 2), 2: .init(at: Fixture.later(1_300_000), record: 3)])
        try await model.take([try Fixture.record(ofDecision: try Fixture.decision("a", "approve", at: 4))])
        #expect(try await due(9_000_000) == [])
    }

    @Test func countsWhatWaits() async throws {
        let model = try await model()
        let soon = Fixture.later(60_000).iso8601, late = Fixture.later(700_000).iso8601
        try await model.take(all: [
            try Fixture.request("a", at: 1, members: #","expiresAt":"\#(soon)""#), try Fixture.request("b", at: 2, tenant: "globex"),
            try Fixture.request("c", at: 3, members: #","expiresAt":"\#(late)""#), try Fixture.request("d", at: 4),
            try Fixture.decision("d", "reject", at: 5),
        ]
        )
        let waiting = try await model.waiting(at: Fixture.later(5_000), soon: .seconds(600))
        #expect(waiting == WaitingApprovals(count: 3, oldestMilliseconds: 5_000, dueSoon: 1))
    }
}
