import Basics
import EventLog
import EventModel
import Foundation
import GRDB
import HTTPAPI
import TestKit
import Testing

@testable import approval_api

@Suite struct ReadModelTests {
    private static let a = ApprovalID(generated: "a")
    private let directory: TemporaryDirectory
    private var path: String { directory.file("model.sqlite") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func model() async throws -> ReadModel {
        let model = try ReadModel(path: path)
        _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        return model
    }

    private func apply(_ entries: [LogEntry], to model: ReadModel) async throws {
        let position = try #require(entries.last).sequence
        try await model.apply(entries.flatMap(LogChange.changes), position: position, generation: model.generation)
    }

    @Test func tellsAnApprovalFromBeginningToEnd() async throws {
        let model = try await model()
        let members = #","incidentId":"inc","title":"T","requestedBy":"p","expiresAt":"2030-01-01T00:00:00Z","fourEyes":true"#
        try await apply([try Fixture.request("a", members: members)], to: model)
        var approval = try #require(try await model.approval(Self.a, for: Fixture.ann))
        #expect(approval.status == .pending)
        #expect(approval.request.fourEyes)
        #expect(approval.request.expiry == .at(Timestamp(millisecondsSinceEpoch: 1_893_456_000_000)))
        #expect(approval.request.place == LogPlace(sequence: 1, intake: Fixture.later(1)))
        #expect(try await model.approval(Self.a, for: Fixture.viewer(of: "globex")) == nil)
        try await apply([try Fixture.decision("a", "reject", at: 2)], to: model)
        try await apply(
            [try Fixture.entry(3, "remediation.rejected", #"{"remediationId":"rem_a"}"#, place: .effect(approvalID: Self.a))],
            to: model
        )
        approval = try #require(try await model.approval(Self.a, for: Fixture.ann))
        #expect(approval.status == .rejected)
        #expect(approval.decision?.eventID.text == "e2")
        #expect(approval.decision?.decision.decidedBy.text == "ann")
        #expect(approval.effect?.place.sequence == 3)
        #expect(model.log.position == 3)
    }

    @Test func whatIsAppliedTwiceCountsOnce() async throws {
        let model = try await model()
        let entries = [
            try Fixture.request("a"), try Fixture.request("a", at: 2, members: #","title":"another""#),
            try Fixture.decision("a", "approve", at: 3),
            try Fixture.decision("a", "reject", at: 4),
        ]
        try await apply(entries, to: model)
        let first = try await model.approval(Self.a, for: Fixture.ann)
        try await apply(entries, to: model)
        #expect(try await model.approval(Self.a, for: Fixture.ann) == first)
        #expect(first?.request.title == nil, "what was asked first is what is answered")
    }

    /// An approval requested again while its decision is retained does not reopen.
    @Test func aDecisionOutlivesItsRequest() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a"), try Fixture.decision("a", "approve", at: 2)], to: model)
        #expect(try await model.drop(keeping: Fixture.log(from: 2), life: model.logLife))
        #expect(try await model.approval(Self.a, for: Fixture.ann) == nil)
        try await apply([try Fixture.request("a", at: 9)], to: model)
        #expect(try await model.approvals(for: Fixture.ann, status: .pending, before: nil, limit: 10).isEmpty)
        #expect(try await model.approval(Self.a, for: Fixture.ann)?.status == .approved)
    }

    @Test func listsNewestFirstFromAPlaceOn() async throws {
        let model = try await model()
        try await apply(
            try (1...9 as ClosedRange<UInt64>).map { try Fixture.request("a\($0)", at: $0, tenant: $0 == 5 ? "globex" : "acme") },
            to: model
        )
        try await apply([try Fixture.decision("a3", "approve", at: 10), try Fixture.decision("a7", "expire", at: 11)], to: model)
        func ids(_ status: ApprovalStatus?, before: UInt64?, limit: Int = 3) async throws -> [String] {
            try await model.approvals(for: Fixture.ann, status: status, before: before, limit: limit).map(\.request.approvalID.text)
        }
        #expect(try await ids(nil, before: nil) == ["a9", "a8", "a7"])
        #expect(try await ids(nil, before: 7) == ["a6", "a4", "a3"])
        #expect(try await ids(.pending, before: 9, limit: 10) == ["a8", "a6", "a4", "a2", "a1"])
        #expect(try await ids(.expired, before: nil) == ["a7"])
        #expect(try await ids(.approved, before: nil) == ["a3"])
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
        try await apply(entries, to: model)
        let now = try #require(Timestamp(rfc3339: "2024-01-01T00:00:00Z"))
        #expect(try await model.overdue(by: now, limit: 10).map(\.request.approvalID.text) == ["sooner", "soon"])
        let first = try await model.overdue(by: now, limit: 1)
        #expect(first.map(\.request.approvalID.text) == ["sooner"])
        #expect(try await model.overdue(by: now, after: first.last, limit: 1).map(\.request.approvalID.text) == ["soon"])
    }

    @Test func pagesThroughWhatIsOverdueAtTheSameMoment() async throws {
        let model = try await model()
        let names = (0..<7).map { "a\($0)" }
        try await apply(
            try names.enumerated().map { index, name in
                try Fixture.request(name, at: UInt64(7 - index), tenant: index < 4 ? "acme" : "globex", members: #","expiresAt":"x""#)
            },
            to: model
        )
        var found: [Approval] = []
        while true {
            let page = try await model.overdue(by: Fixture.time, after: found.last, limit: 2)
            found += page
            if page.isEmpty { break }
        }
        #expect(found.map(\.request.approvalID.text) == names)
    }

    // MARK: Who sees it (contract §12)

    private func ids(_ model: ReadModel, _ viewer: Viewer, _ status: ApprovalStatus? = nil) async throws -> [String] {
        try await model.approvals(for: viewer, status: status, before: nil, limit: 10).map(\.request.approvalID.text)
    }

    @Test func aPrivateApprovalExistsForItsUserAlone() async throws {
        let model = try await model()
        let entries = [
            try Fixture.request("a", at: 1, user: "ann"), try Fixture.request("b", at: 2, user: "bob"), try Fixture.request("c", at: 3),
            try Fixture.decision("a", "approve", at: 4, user: "ann"),
        ]
        try await apply(entries, to: model)
        #expect(try await model.approval(Self.a, for: Fixture.ann)?.status == .approved)
        #expect(try await model.approval(Self.a, for: Fixture.bob) == nil)
        #expect(try await model.approval(Self.a, for: Fixture.viewer("ann", of: "globex")) == nil)
        #expect(try await ids(model, Fixture.ann) == ["c", "a"])
        #expect(try await ids(model, Fixture.bob) == ["c", "b"])
        #expect(try await ids(model, Fixture.bob, .pending) == ["c", "b"])
        #expect(try await ids(model, Fixture.bob, .approved) == [])
        func notices(_ viewer: Viewer) async throws -> (sequences: [UInt64], unread: Int) {
            let page = try await model.notifications(NotificationQuery(viewer: viewer, epoch: 7, limit: 10))
            return (page.items.map(\.record.place.sequence), page.unreadCount)
        }
        #expect(try await notices(Fixture.ann) == ([4, 3, 1], 3))
        #expect(try await notices(Fixture.bob) == ([3, 2], 2))
    }

    /// A request under a used id is invisible even to its addressees: the first one counts.
    @Test func theFirstRequestSaysWhoseItIs() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 1, user: "ann"), try Fixture.request("a", at: 2)], to: model)
        #expect(try await model.approval(Self.a, for: Fixture.bob) == nil)
        #expect(try await ids(model, Fixture.bob) == [])
        #expect(try await model.approval(Self.a, for: Fixture.ann)?.request.place.sequence == 1)
    }

    @Test func idsAreComparedByteForByte() async throws {
        let model = try await model()
        try await apply([try Fixture.request("\u{E9}", at: 1), try Fixture.decision("\u{E9}", "approve", at: 2)], to: model)
        #expect(try await model.approval(ApprovalID(generated: "\u{E9}"), for: Fixture.ann)?.status == .approved)
        #expect(try await model.approval(ApprovalID(generated: "e\u{301}"), for: Fixture.ann) == nil)
        try await apply([try Fixture.request("e\u{301}", at: 3)], to: model)
        #expect(try await model.approval(ApprovalID(generated: "e\u{301}"), for: Fixture.ann)?.status == .pending)
    }

    /// GRDB ends a text at NUL; identifiers have none, other texts are kept whole.
    @Test func textsAreKeptWhole() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", members: #","title":"x\u0000y","requestedBy":"p\u0000q""#)], to: model)
        let decision = Decision(
            approvalID: Self.a,
            remediationID: RemediationID(generated: "r"),
            action: .reject,
            decidedBy: Fixture.ann.user,
            decidedAt: Fixture.time,
            reason: "no\u{0}, because"
        )
        let event = try decision.event(id: EventID(generated: "d"), tenant: Fixture.acme, traceparent: nil)
        try await apply(
            [LogEntry(sequence: 2, intake: Fixture.time, event: event, decisionPlace: .decision(approvalID: Self.a))],
            to: model
        )
        let approval = try #require(try await model.approval(Self.a, for: Fixture.ann))
        #expect(approval.request.title == "x\u{0}y")
        #expect(approval.request.requestedBy == nil)
        #expect(approval.decision?.decision.reason == "no\u{0}, because")
    }

    // MARK: Which one counts

    /// The number of "Approval needed" notifications, by the place of the request.
    private func asked(_ model: ReadModel) async throws -> [UInt64] {
        let type = try EventType("approval.requested")
        let page = try await model.notifications(NotificationQuery(viewer: Fixture.ann, epoch: 7, type: type, limit: 50))
        let all = try await model.notifications(NotificationQuery(viewer: Fixture.ann, epoch: 7, limit: 50)).items
        #expect(page.unreadCount == all.count, "the count is of what is listed")
        return page.items.map(\.record.place.sequence)
    }

    @Test func nobodyIsAskedWhatIsDecidedOrAskedAlready() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 1), try Fixture.request("a", at: 2, members: #","title":"again""#)], to: model)
        #expect(try await asked(model) == [1])
        try await apply([try Fixture.decision("a", "reject", at: 3)], to: model)
        #expect(try await asked(model) == [1], "what was asked stays in the list")
        try await apply([try Fixture.request("a", at: 4)], to: model)
        #expect(try await asked(model) == [1])
        #expect(try await ids(model, Fixture.ann, .pending) == [])
        #expect(try await model.notification(at: 4, epoch: 7, for: Fixture.ann) == nil, "nor can it be marked as read")
    }

    /// Random requests and decisions of few approvals, truncated at random places: a model that followed from the beginning equals one
    /// that was built from the retained entries.
    @Test(arguments: 0..<12)
    func aModelThatFollowedSaysWhatANewOneSays(_ seed: Int) async throws {
        var random = SystemRandomNumberGenerator()
        var entries: [LogEntry] = []
        for sequence in 1...40 as ClosedRange<UInt64> {
            let approval = "a\(Int.random(in: 0..<4, using: &random))"
            let user: String? = [nil, "ann", "bob"].randomElement(using: &random) ?? nil
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let action = ["approve", "reject", "expire"][seed % 3]
                let request = Bool.random(using: &random) ? UInt64.random(in: 1...40, using: &random) : nil
                entries.append(try Fixture.decision(approval, action, at: sequence, user: user, of: request))
            case 1:
                entries.append(
                    try Fixture.entry(
                        sequence,
                        "remediation.rejected",
                        #"{"remediationId":"r"}"#,
                        place: .effect(approvalID: ApprovalID(approval))
                    )
                )
            default: entries.append(try Fixture.request(approval, at: sequence, user: user))
            }
        }
        let followed = try ReadModel(path: ReadModelFile.memory)
        _ = try await followed.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        try await apply(entries, to: followed)
        for first in [2, 9, 17, 33, 41] as [UInt64] {
            #expect(try await followed.drop(keeping: Fixture.log(from: first), life: followed.logLife))
            let built = try ReadModel(path: ReadModelFile.memory)
            _ = try await built.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
            try await built.apply(entries.filter { $0.sequence >= first }.flatMap(LogChange.changes), position: 40, generation: 0)
            for viewer in [Fixture.ann, Fixture.bob] {
                for status in [nil] + ApprovalStatus.allCases.map(Optional.some) {
                    let lists = try await (
                        followed.approvals(for: viewer, status: status, before: nil, limit: 50),
                        built.approvals(for: viewer, status: status, before: nil, limit: 50)
                    )
                    #expect(
                        lists.0 == lists.1,
                        "from \(first) on: \(entries.map { ($0.sequence, $0.event.type.name, $0.event.payload.string("approvalId")) })"
                    )
                    #expect(status == nil || lists.0.allSatisfy { $0.status == status })
                }
                let query = NotificationQuery(viewer: viewer, epoch: 7, limit: 50)
                let pages = try await (followed.notifications(query), built.notifications(query))
                #expect(pages.0 == pages.1, "from \(first) on")
            }
        }
    }

    /// The attack: a second request under a used id waits until the log drops the first.
    @Test func aDecisionCountsForItsRequestAlone() async throws {
        let model = try await model()
        let second = try Fixture.request("a", at: 2, members: #","title":"Delete the database""#)
        try await apply([try Fixture.request("a", at: 1), second, try Fixture.decision("a", "approve", at: 3, of: 1)], to: model)
        try await apply(
            [try Fixture.entry(4, "remediation.approved", #"{"remediationId":"rem_a"}"#, place: .effect(approvalID: Self.a))],
            to: model
        )
        #expect(try await model.approval(Self.a, for: Fixture.ann)?.request.place.sequence == 1)
        #expect(try await model.drop(keeping: Fixture.log(deleted: [1]), life: model.logLife))
        #expect(try await model.approval(Self.a, for: Fixture.ann) == nil)
        for status in [nil] + ApprovalStatus.allCases.map(Optional.some) { #expect(try await ids(model, Fixture.ann, status) == []) }
        #expect(try await asked(model) == [])
        // Once the log holds neither the first nor its decision, the second is independent, and gets no effect of another.
        #expect(try await model.drop(keeping: Fixture.log(deleted: [1, 3]), life: model.logLife))
        let approval = try #require(try await model.approval(Self.a, for: Fixture.ann))
        #expect(approval.status == .pending && approval.effect == nil && approval.request.title == "Delete the database")
        #expect(try await asked(model) == [2])
    }

    /// An open request is withdrawn when a decision arrives about another one, whose own request was dropped.
    @Test func aRequestIsWithdrawnForTheDecisionAboutAnother() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 2)], to: model)
        #expect(try await asked(model) == [2])
        try await apply([try Fixture.decision("a", "approve", at: 3, of: 1)], to: model)
        #expect(try await model.approval(Self.a, for: Fixture.ann) == nil)
        #expect(try await asked(model) == [])
    }

    /// By its place and its time of intake: a restored stream may have another epoch, or another event at that place.
    @Test func aRequestIsRecognisedWhateverTheEpoch() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 1), try Fixture.decision("a", "approve", at: 2, of: 1, epoch: 9)], to: model)
        #expect(try await model.approval(Self.a, for: Fixture.ann)?.status == .approved)
        let request = try Fixture.request("b", at: 3)
        let other = LogEntry(sequence: 3, intake: Fixture.later(-5), event: request.event)
        try await apply([other, try Fixture.decision("b", "approve", at: 4, of: 3)], to: model)
        #expect(try await model.approval(ApprovalID(generated: "b"), for: Fixture.ann) == nil)
    }

    @Test func requestsThatDoNotCountAreReported() async throws {
        let model = try await model()
        func passedOver(_ entries: [LogEntry]) async throws -> [UInt64] {
            let position = try #require(entries.last).sequence
            let changes = entries.flatMap(LogChange.changes)
            return try await model.apply(changes, position: position, generation: model.generation).map(\.place.sequence)
        }
        #expect(try await passedOver([try Fixture.request("a", at: 1), try Fixture.request("b", at: 2)]) == [])
        #expect(try await passedOver([try Fixture.request("a", at: 3), try Fixture.decision("a", "approve", at: 4, of: 1)]) == [3])
        #expect(try await passedOver([try Fixture.request("a", at: 5), try Fixture.request("b", at: 6)]) == [5, 6])
    }

    /// Deleted one by one, or purged by subject: the next request of the same id counts then, and an approval is open that was decided.
    @Test func whatWasDeletedIsDropped() async throws {
        let model = try await model()
        let entries = [
            try Fixture.request("a", at: 1), try Fixture.request("b", at: 2), try Fixture.decision("b", "approve", at: 3),
            try Fixture.request("b", at: 4), try Fixture.request("c", at: 5), try Fixture.request("d", at: 6),
        ]
        try await apply(entries, to: model)
        #expect(try await asked(model) == [6, 5, 2, 1])
        #expect(try await model.drop(keeping: Fixture.log(deleted: [1, 2, 3, 6]), life: model.logLife))
        #expect(try await ids(model, Fixture.ann) == ["c", "b"])
        #expect(try await ids(model, Fixture.ann, .pending) == ["c", "b"])
        #expect(try await model.notifications(NotificationQuery(viewer: Fixture.ann, epoch: 7, limit: 9)).unreadCount == 2)
    }

    /// With too many holes to list, it is unknown which dropped entries the model still has.
    @Test func holesThatAreNotListedRebuild() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 1), try Fixture.request("b", at: 2)], to: model)
        var kept = Fixture.log(last: 2)
        kept.deleted = DeletedSequences(unlisted: 200_000)
        #expect(try await !model.drop(keeping: kept, life: model.logLife))
        #expect(try await model.followLog(kept, isRecognised: true).logPosition == 0)
        #expect(try await ids(model, Fixture.ann) == [])
        #expect(try await model.drop(keeping: kept, life: model.logLife), "what is gone before the reading begins will not come")
        kept.deleted = DeletedSequences(unlisted: 200_001)
        #expect(try await !model.drop(keeping: kept, life: model.logLife))
    }

    /// Findings about a log are discarded when reading restarts.
    @Test func whatAFormerLogKeptIsNoMatter() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 41)], to: model)
        let life = model.logLife
        _ = try await model.followLog(Fixture.log(epoch: 8, last: 50), isRecognised: true)
        try await apply([try Fixture.request("a", at: 3)], to: model)
        #expect(try await model.drop(keeping: Fixture.log(from: 40), life: life))
        #expect(try await model.approval(Self.a, for: Fixture.ann) != nil)
        #expect(try await model.drop(keeping: Fixture.log(from: 4), life: model.logLife))
        #expect(try await model.approval(Self.a, for: Fixture.ann) == nil)
    }

    @Test func aKeyBelongsToOneApproval() async throws {
        let model = try await model()
        let key = try IdempotencyKey("k")
        let id = DecisionID.make(key: key, of: Fixture.ann, approvalID: Self.a, action: .approve, reason: nil, now: Fixture.time)
        let decision = Decision(
            approvalID: Self.a,
            remediationID: RemediationID(generated: "r"),
            action: .approve,
            decidedBy: Fixture.ann.user,
            decidedAt: Fixture.time
        )
        let event = try decision.event(id: id, tenant: Fixture.acme, traceparent: nil)
        try await apply(
            [LogEntry(sequence: 2, intake: Fixture.time, event: event, decisionPlace: .decision(approvalID: Self.a))],
            to: model
        )
        let b = ApprovalID(generated: "b")
        #expect(try await model.hasDecided(under: key, Fixture.ann, otherThan: b))
        #expect(try await !model.hasDecided(under: key, Fixture.ann, otherThan: Self.a))
        #expect(try await !model.hasDecided(under: key, Fixture.bob, otherThan: b))
        #expect(try await !model.hasDecided(under: key, Fixture.viewer(of: "globex"), otherThan: b))
        #expect(try await !model.hasDecided(under: IdempotencyKey("l"), Fixture.ann, otherThan: b))
    }

    // MARK: The file

    @Test func goesOnWhereItWas() async throws {
        do {
            let model = try await model()
            try await apply([try Fixture.request("a", at: 41)], to: model)
        }
        let model = try ReadModel(path: path)
        let progress = try await model.followLog(Fixture.log(epoch: 7, last: 50), isRecognised: true)
        #expect(progress.logPosition == 41)
        #expect(try await model.approval(Self.a, for: Fixture.ann) != nil)
    }

    @Test(arguments: [(UInt16(8), UInt64(50), true), (7, 40, true), (7, 50, false)])
    func anotherOrAShorterLogBeginsAnew(_ epoch: UInt16, _ last: UInt64, _ isRecognised: Bool) async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 41)], to: model)
        let progress = try await model.followLog(Fixture.log(epoch: epoch, last: last), isRecognised: isRecognised)
        #expect(progress.logPosition == 0)
        #expect(progress.logEpoch == epoch)
        #expect(model.logEpoch == epoch)
        #expect(try await model.approval(Self.a, for: Fixture.ann) == nil)
    }

    /// A log restored from an older copy and appended to has another message at the model's last sequence.
    @Test func whatWasReadLastIsRemembered() async throws {
        let stamp = LogStamp(sequence: 41, storedAt: 1_700_000_000_123_456_789)
        do {
            let model = try await model()
            let changes = LogChange.changes(of: try Fixture.request("a", at: 41))
            try await model.apply(changes, position: 41, stamp: stamp, generation: model.generation)
            try await model.apply([LogChange](), position: 43, generation: model.generation)
        }
        let model = try ReadModel(path: path)
        #expect(try await model.followLog(Fixture.log(epoch: 7, last: 50), isRecognised: true).logStamp == stamp)
        let progress = try await model.followLog(Fixture.log(epoch: 7, last: 50), isRecognised: false)
        #expect(progress.logPosition == 0 && progress.logStamp == nil)
    }

    @Test func whoeverWritesToAFormerMakingIsTold() async throws {
        let model = try await model()
        let generation = model.generation
        model.lose(generation, because: "it is a test")
        model.lose(generation, because: "it is a test")
        #expect(try await model.open() == generation + 1)
        #expect(model.generation == generation + 1)
        await #expect(throws: ReadModel.Recreated.self) { try await model.apply([LogChange](), position: 5, generation: generation) }
        #expect(try await model.progress().logPosition == 0)
    }
}
