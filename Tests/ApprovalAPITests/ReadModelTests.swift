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

    private func model(_ path: String? = nil) async throws -> ReadModel {
        let model = try ReadModel(path: path ?? self.path)
        _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        return model
    }

    private func approval(_ model: ReadModel, _ id: ApprovalID = a) async throws -> Approval? {
        try await model.approval(id, of: Fixture.acme)
    }

    @Test func tellsAnApprovalFromBeginningToEnd() async throws {
        let model = try await model()
        let members = #","incidentId":"inc","title":"T","requestedBy":"p","expiresAt":"2030-01-01T00:00:00Z","fourEyes":true"#
        try await model.take(all: [try Fixture.request("a", members: members)])
        var approval = try #require(try await approval(model))
        #expect(approval.status == .pending)
        #expect(approval.request.fourEyes)
        #expect(approval.request.expiry == .at(Timestamp(millisecondsSinceEpoch: 1_893_456_000_000)))
        #expect(approval.request.place == LogPlace(sequence: 1, intake: Fixture.later(1)))
        #expect(approval.request.event.epoch == 7 && approval.request.record == 1)
        #expect(try await model.approval(Self.a, of: Tenant("globex")) == nil)
        try await model.take(all: [try Fixture.decision("a", "reject", at: 2)])
        try await model.take(all: [
            try Fixture.entry(3, "remediation.rejected", #"{"remediationId":"rem_a"}"#, place: .effect(approvalID: Self.a))
        ]
        )
        approval = try #require(try await self.approval(model))
        #expect(approval.status == .rejected)
        #expect(approval.decision?.eventID.text == "e2")
        #expect(approval.decision?.decision.decidedBy.text == "ann")
        #expect(approval.eventID(at: .effect(approvalID: Self.a)) == Cursor(time: Fixture.later(3), epoch: 7, sequence: 3).text)
        #expect(approval.eventID(at: .decision(approvalID: Self.a)) == Cursor(time: Fixture.later(2), epoch: 7, sequence: 2).text)
        #expect(approval.eventID(at: .consumption(approvalID: Self.a)) == nil)
        #expect(model.log.position == 3 && model.approvals.position == 2)
    }

    @Test func whatIsAppliedTwiceCountsOnce() async throws {
        let model = try await model()
        let entries = [try Fixture.request("a"), try Fixture.request("a", at: 2, members: #","title":"another""#)]
        let vote = Fixture.vote(by: "bob", for: ["admin"])
        let request = try #require(Approval.Request(entries[0].event, at: entries[0].cursor(epoch: 7)))
        let records = [
            try Fixture.record(of: entries[0]),
            Fixture.record(try vote.event(on: request, traceparent: nil), at: .vote(approvalID: Self.a, voter: "bob"), 2),
            try Fixture.record(ofDecision: try Fixture.decision("a", "approve", at: 3)),
        ]
        try await model.take(entries)
        try await model.take(records)
        let first = try await approval(model)
        try await model.take(entries)
        try await model.take(records)
        #expect(try await approval(model) == first)
        #expect(first?.votes.count == 1 && first?.status == .approved)
        #expect(first?.request.title == nil, "what was asked first is what is answered")
    }

    /// An approval is what its records say, whatever the log drops: only the ids of its events are gone.
    @Test func whatTheLogDropsDoesNotChangeAnApproval() async throws {
        let model = try await model()
        let pending = try Fixture.request("b", at: 3, members: #","title":"T","action":{"x":1},"expiresAt":"2030-01-01T00:00:00Z""#)
        try await model.take(all: [try Fixture.request("a"), try Fixture.decision("a", "approve", at: 2), pending])
        let before = try #require(try await approval(model))
        let waiting = try #require(try await approval(model, "b"))
        #expect(try await model.drop(keeping: Fixture.log(from: 4), life: model.logLife))
        var after = try #require(try await approval(model))
        #expect(after.eventID(at: .decision(approvalID: Self.a)) == nil && before.eventID(at: .decision(approvalID: Self.a)) != nil)
        #expect(after.announced.isEmpty)
        after.announced = before.announced
        #expect(after == before)
        #expect(try await approval(model, "b")?.request == waiting.request)
        #expect(try await ids(model, Fixture.ann, .pending) == ["b"])
        let now = try #require(Timestamp(rfc3339: "2030-01-01T00:00:00Z"))
        #expect(try await model.due(by: now, limit: 10).map(\.approval.request.approvalID.text) == ["b"], "it expires nevertheless")
        // The id stays in use: a later request of the log is passed over.
        try await model.take([try Fixture.request("a", at: 9, members: #","title":"Delete the database""#)])
        #expect(try await approval(model)?.request == before.request)
        #expect(try await approval(model)?.status == .approved)
        #expect(try await asked(model) == [])
    }

    /// The record of a former approval has expired when another one is recorded: it is gone here too, whether this process has noticed or not.
    @Test func aLaterRecordWithTheIDTakesThePlaceOfAFormer() async throws {
        let model = try await model()
        try await model.take(all: [try Fixture.request("a"), try Fixture.decision("a", "approve", at: 2)])
        let later = try Fixture.request("a", at: 9, members: #","title":"Delete the database""#)
        try await model.take([later])
        try await model.take([try Fixture.record(of: later, at: 9)])
        let approval = try #require(try await approval(model))
        #expect(approval.status == .pending && approval.request.title == "Delete the database" && approval.decision == nil)
        #expect(try await ids(model, Fixture.ann, .pending) == ["a"])
        #expect(try await ids(model, Fixture.ann, .approved) == [])
        #expect(try await asked(model).count == 1)
        // Read again, it is the same; the former one changes nothing.
        try await model.take([try Fixture.record(of: later, at: 9), try Fixture.record(of: try Fixture.request("a"), at: 1)])
        #expect(try await self.approval(model) == approval)
    }

    @Test func listsNewestFirstFromAPlaceOn() async throws {
        let model = try await model()
        try await model.take(
            all:
                try (1...9 as ClosedRange<UInt64>).map { try Fixture.request("a\($0)", at: $0, tenant: $0 == 5 ? "globex" : "acme") }
        )
        try await model.take(all: [try Fixture.decision("a3", "approve", at: 10), try Fixture.decision("a7", "expire", at: 11)])
        func ids(_ status: ApprovalStatus?, before: UInt64?, limit: Int = 3) async throws -> [String] {
            let after = before.map { ApprovalListPlace(time: Fixture.later(Int64($0)).millisecondsSinceEpoch, sequence: $0) }
            return try await model.listed(for: Fixture.ann, status, after: after, limit: limit).map(\.request.approvalID.text)
        }
        #expect(try await ids(nil, before: nil) == ["a9", "a8", "a7"])
        #expect(try await ids(nil, before: 7) == ["a6", "a4", "a3"])
        #expect(try await ids(.pending, before: 9, limit: 10) == ["a8", "a6", "a4", "a2", "a1"])
        #expect(try await ids(.expired, before: nil) == ["a7"])
        #expect(try await ids(.approved, before: nil) == ["a3"])
        #expect(try await model.approvals(for: Fixture.ann, status: nil, after: nil, limit: 7).hasMore)
        #expect(try await !model.approvals(for: Fixture.ann, status: nil, after: nil, limit: 8).hasMore)
    }

    @Test func listsByDeadlineWithoutOneLast() async throws {
        let model = try await model()
        try await model.take(all: [
            try Fixture.request("never", at: 1), try Fixture.request("late", at: 2, members: #","expiresAt":"2030-01-01T00:00:00Z""#),
            try Fixture.request("soon", at: 3, members: #","expiresAt":"2025-01-01T00:00:00Z""#),
            try Fixture.request("soon-2", at: 4, user: "ann", members: #","expiresAt":"2025-01-01T00:00:00Z""#),
            try Fixture.request("other", at: 5, user: "bob", members: #","expiresAt":"2024-01-01T00:00:00Z""#),
            try Fixture.request("never-2", at: 6),
        ]
        )
        var found: [String] = []
        var after: ApprovalListPlace?
        repeat {
            let page = try await model.approvals(for: Fixture.ann, status: .pending, order: .deadline, after: after, limit: 2)
            found += page.items.map(\.request.approvalID.text)
            after =
                page.hasMore
                ? page.items.last.map { ApprovalListPlace(time: $0.request.deadline, sequence: $0.request.event.sequence) } : nil
        } while after != nil
        #expect(found == ["soon", "soon-2", "late", "never", "never-2"])
    }

    // MARK: Who sees it (contract §12)

    private func ids(_ model: ReadModel, _ viewer: Viewer, _ status: ApprovalStatus? = nil) async throws -> [String] {
        try await model.listed(for: viewer, status).map(\.request.approvalID.text)
    }

    @Test func aPrivateApprovalExistsForItsUserAlone() async throws {
        let model = try await model()
        let entries = [
            try Fixture.request("a", at: 1, user: "ann"), try Fixture.request("b", at: 2, user: "bob"), try Fixture.request("c", at: 3),
            try Fixture.decision("a", "approve", at: 4, user: "ann"),
        ]
        try await model.take(all: entries)
        let approval = try #require(try await approval(model))
        #expect(approval.status == .approved && approval.request.recipients == Recipients("ann"))
        #expect(try await model.approval(Self.a, of: Tenant("globex")) == nil)
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

    /// The people whom the groups name have it in their lists, in every order and status, with the votes, and in their notifications.
    @Test func aPrivateApprovalIsListedForThoseWhomItNames() async throws {
        let model = try await model()
        let members =
            #","expiresAt":"2030-01-01T00:00:00Z","groups":[{"name":"g","users":["bob","cyn"],"roles":["sec"]}],"#
            + #""escalation":[{"after":"10m","groups":[{"name":"s","users":["dan"]}]}]"#
        let first = try Fixture.request("a", at: 1, user: "ann", members: members)
        try await model.take(all: [first, try Fixture.request("b", at: 2), try Fixture.request("c", at: 3, user: "max", members: members)])
        let request = try #require(try await approval(model)).request
        #expect(request.recipients == Recipients("ann", and: ["bob", "cyn", "dan"]))
        let vote = Fixture.vote(by: "bob", for: ["g"], record: 9)
        try await model.take([Fixture.record(try vote.event(on: request, traceparent: nil), at: .vote(approvalID: "a", voter: "bob"), 9)])
        let ann = ["b", "a"], named = ["c", "b", "a"]
        for (user, wanted) in [("ann", ann), ("bob", named), ("cyn", named), ("dan", named), ("max", ["c", "b"]), ("sam", ["b"])] {
            let viewer = try Fixture.viewer(user)
            #expect(try await ids(model, viewer) == wanted, "\(user)")
            #expect(try await ids(model, viewer, .pending) == wanted)
            let byDeadline = try await model.listed(for: viewer, .pending, order: .deadline)
            let expiring = wanted.filter { $0 != "b" }
            #expect(byDeadline.map(\.request.approvalID.text) == expiring.sorted() + ["b"])
            let page = try await model.notifications(NotificationQuery(viewer: viewer, epoch: 7, limit: 10))
            #expect(page.items.compactMap(\.record.approvalID?.text) == wanted && page.unreadCount == wanted.count)
            if wanted.contains("a") { #expect(byDeadline.first { $0.request.approvalID == "a" }?.votes == [vote]) }
        }
        #expect(try await ids(model, Fixture.viewer("bob", of: "globex")) == [])
        try await model.take([try Fixture.record(ofDecision: Fixture.decision("a", "approve", at: 10, user: "ann", of: 1), at: 10)])
        #expect(try await ids(model, Fixture.bob, .approved) == ["a"])
        #expect(try await ids(model, Fixture.bob, .pending) == ["c", "b"])
        // What the stream of records drops is in nobody's list.
        try await model.drop(.approvals, before: 2, life: model.life(of: .approvals))
        #expect(try await ids(model, Fixture.bob) == ["c", "b"])
        #expect(try await asked(model, Fixture.bob) == [3, 2])
        #expect(try await asked(model) == [2])
    }

    /// However many delegations a person has received.
    @Test func everyDelegationInForceMakesADeputy() async throws {
        let model = try await model()
        try await model.take(delegations: (0...1000).map { Fixture.delegation("giver-\($0)", [], to: "bob", id: "dlg_\($0)") })
        for number in [0, 500, 1000] {
            let recipients: [UserID] = ["ann", UserID(generated: "giver-\(number)")]
            #expect(try await model.isDeputy(Fixture.bob, of: recipients, at: Fixture.time), "\(number)")
            #expect(try await !model.isDeputy(Fixture.bob, of: recipients, at: Fixture.later(86_400_000)))
            #expect(try await !model.isDeputy(Fixture.ann, of: recipients, at: Fixture.time))
            #expect(try await !model.isDeputy(Fixture.viewer("bob", of: "globex"), of: recipients, at: Fixture.time))
        }
        #expect(try await !model.isDeputy(Fixture.bob, of: ["ann"], at: Fixture.time))
        #expect(try await !model.isDeputy(Fixture.bob, of: [], at: Fixture.time))
    }

    /// A request under a used id is invisible even to its addressees: the first one counts.
    @Test func theFirstRequestSaysWhoseItIs() async throws {
        let model = try await model()
        try await model.take(recorded: try Fixture.request("a", at: 1, user: "ann"))
        try await model.take([try Fixture.request("a", at: 2)])
        #expect(try await ids(model, Fixture.bob) == [])
        #expect(try await asked(model, Fixture.bob) == [])
        let request = try #require(try await approval(model)).request
        #expect(request.place.sequence == 1 && request.recipients == Recipients("ann"))
    }

    @Test func idsAreComparedByteForByte() async throws {
        let model = try await model()
        try await model.take(all: [try Fixture.request("\u{E9}", at: 1), try Fixture.decision("\u{E9}", "approve", at: 2)])
        #expect(try await approval(model, ApprovalID(generated: "\u{E9}"))?.status == .approved)
        #expect(try await approval(model, ApprovalID(generated: "e\u{301}")) == nil)
        try await model.take(all: [try Fixture.request("e\u{301}", at: 3)])
        #expect(try await approval(model, ApprovalID(generated: "e\u{301}"))?.status == .pending)
    }

    /// GRDB ends a text at NUL; identifiers have none, other texts are kept whole.
    @Test func textsAreKeptWhole() async throws {
        let model = try await model()
        try await model.take(all: [
            try Fixture.request("a", members: #","title":"x\u0000y","description":"d\u0000e","requestedBy":"p\u0000q""#)
        ]
        )
        let decision = Decision(
            approvalID: Self.a,
            remediationID: RemediationID(generated: "r"),
            action: .reject,
            decidedBy: Fixture.ann.user,
            decidedAt: Fixture.time,
            reason: "no\u{0}, because"
        )
        let event = try decision.event(id: EventID(generated: "d"), tenant: Fixture.acme, traceparent: nil)
        try await model.take([Fixture.record(event, at: .decision(approvalID: Self.a), 2)])
        let approval = try #require(try await approval(model))
        #expect(approval.request.title == "x\u{0}y" && approval.request.description == "d\u{0}e")
        #expect(approval.request.requestedBy == nil)
        #expect(approval.decision?.decision.reason == "no\u{0}, because")
    }

    // MARK: Which one counts

    /// The "Approval needed" notifications that a viewer sees, by the place of the request.
    private func asked(_ model: ReadModel, _ viewer: Viewer = Fixture.ann) async throws -> [UInt64] {
        let type = try EventType("approval.requested")
        let page = try await model.notifications(NotificationQuery(viewer: viewer, epoch: 7, type: type, limit: 50))
        let all = try await model.notifications(NotificationQuery(viewer: viewer, epoch: 7, limit: 50)).items
        #expect(page.unreadCount == all.count, "the count is of what is listed")
        return page.items.map(\.record.place.sequence)
    }

    /// The record of the request says which of several events counts; its notification is shown, whichever of the two arrives first.
    @Test(arguments: [false, true]) func onlyTheRecordedRequestAsks(_ isRecordFirst: Bool) async throws {
        let model = try await model()
        let requests = [try Fixture.request("a", at: 1), try Fixture.request("a", at: 2, members: #","title":"again""#)]
        // The second one of the log was recorded first.
        let record = try Fixture.record(of: requests[1], at: 1)
        if isRecordFirst { try await model.take([record]) }
        try await model.take(requests)
        #expect(try await asked(model) == (isRecordFirst ? [2] : []))
        if !isRecordFirst { try await model.take([record]) }
        #expect(try await asked(model) == [2])
        #expect(try await model.notification(at: 1, epoch: 7, for: Fixture.ann) == nil, "nor can it be marked as read")
        try await model.take([try Fixture.record(ofDecision: try Fixture.decision("a", "reject", at: 2))])
        #expect(try await asked(model) == [2], "what was asked stays in the list")
        try await model.take([try Fixture.request("a", at: 4)])
        #expect(try await asked(model) == [2])
        #expect(try await ids(model, Fixture.ann, .pending) == [])
    }

    /// By its place, its time of intake, its tenant and its id: another event at the place of a restored log, and other tenants' events, stay hidden.
    @Test(arguments: [false, true]) func aNotificationIsRecognisedByItsPlace(_ isRecordFirst: Bool) async throws {
        let model = try await model()
        let request = try Fixture.request("a", at: 3)
        let others = [
            LogEntry(sequence: 3, intake: Fixture.later(-5), event: request.event), try Fixture.request("b", at: 3),
            try Fixture.request("a", at: 3, tenant: "globex"), try Fixture.request("a", at: 4),
        ]
        for other in others {
            let model = try ReadModel(path: ReadModelFile.memory)
            _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
            if isRecordFirst { try await model.take([try Fixture.record(of: other, at: 1)]) }
            try await model.take([request])
            if !isRecordFirst { try await model.take([try Fixture.record(of: other, at: 1)]) }
            #expect(try await asked(model) == [])
        }
        // The epoch is not compared: a stream restored from a copy has another, with the same events at the same places.
        if isRecordFirst { try await model.take([try Fixture.record(of: request, at: 1, epoch: 9)]) }
        try await model.take([request])
        if !isRecordFirst { try await model.take([try Fixture.record(of: request, at: 1, epoch: 9)]) }
        #expect(try await asked(model) == [3])
    }

    /// Nobody can answer a request whose record has gone; nothing else is hidden with it.
    @Test func aRequestIsHiddenWithItsRecord() async throws {
        let model = try await model()
        try await model.take(recorded: try Fixture.request("a", at: 1), at: 1)
        try await model.take(recorded: try Fixture.request("b", at: 2), at: 2)
        // The request of a former log, at a place that has another event in this one.
        let former = try Fixture.request("c", at: 3, user: "ann")
        try await model.take([try Fixture.entry(3, "incident.created", #"{"incidentId":"i","title":"T"}"#)])
        try await model.take([try Fixture.record(of: former, at: 3, epoch: 6)])
        #expect(try await asked(model) == [2, 1])
        try await model.drop(.approvals, before: 2, life: model.life(of: .approvals))
        #expect(try await asked(model) == [2])
        #expect(try await ids(model, Fixture.ann) == ["c", "b"])
        #expect(try await approval(model) == nil)
        try await model.drop(.approvals, before: 9, life: model.life(of: .approvals))
        #expect(try await asked(model) == [])
        #expect(try await ids(model, Fixture.ann) == [])
        #expect(try await model.notification(at: 3, epoch: 7, for: Fixture.ann) != nil, "an event at the place of a former log's request")
    }

    /// A vote, decision or delegation goes with its record, and its place can be taken again.
    @Test func recordsAreDroppedByAge() async throws {
        let model = try await model()
        try await model.take(all: [try Fixture.request("a", at: 1)])
        let request = try #require(try await approval(model)).request
        let event = try Fixture.vote(by: "bob", for: ["admin"]).event(on: request, traceparent: nil)
        try await model.take([Fixture.record(event, at: .vote(approvalID: Self.a, voter: "bob"), 2)])
        #expect(try await approval(model)?.votes.count == 1)
        try await model.drop(.approvals, before: 3, life: model.life(of: .approvals))
        #expect(try await approval(model) == nil)
        try await model.take(recorded: try Fixture.request("a", at: 3))
        #expect(try await approval(model)?.votes == [])
    }

    /// Another stream of records: what came from the former one is cleared, and nobody is asked until it is recorded again.
    @Test func anotherStreamOfRecordsBeginsAnew() async throws {
        let model = try await model()
        _ = try await model.follow(.approvals, life: 1, last: .max, isRecognised: true)
        let request = try Fixture.request("a", at: 1)
        try await model.take(recorded: request)
        #expect(try await model.follow(.approvals, life: 1, last: 5, isRecognised: true).position == 1)
        #expect(try await asked(model) == [1])
        let life = model.life(of: .approvals)
        #expect(try await model.follow(.approvals, life: 2, last: 5, isRecognised: true).position == 0)
        #expect(try await asked(model) == [])
        #expect(try await approval(model) == nil)
        try await model.take([try Fixture.record(of: request)])
        #expect(try await asked(model) == [1])
        // Findings about the former stream are discarded.
        try await model.drop(.approvals, before: 9, life: life)
        #expect(try await approval(model) != nil)
        for (last, isRecognised) in [(0, true), (5, false)] as [(UInt64, Bool)] {
            #expect(try await model.follow(.approvals, life: 2, last: last, isRecognised: isRecognised).position == 0)
            #expect(try await approval(model) == nil)
            try await model.take([try Fixture.record(of: request)])
        }
    }

    /// Random requests of few approvals in the log, of which some are recorded, in any order of the two; both are truncated at random places: a model
    /// that followed from the beginning equals one that was built from what is kept.
    @Test(arguments: 0..<12)
    func aModelThatFollowedSaysWhatANewOneSays(_ seed: Int) async throws {
        var random = SystemRandomNumberGenerator()
        var entries: [LogEntry] = []
        var records: [ApprovalRecord] = []
        for sequence in 1...40 as ClosedRange<UInt64> {
            let approval = "a\(Int.random(in: 0..<8, using: &random))"
            let user: String? = [nil, "ann", "bob"].randomElement(using: &random) ?? nil
            let place = UInt64(records.count + 1)
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                let action = ["approve", "reject", "expire"][seed % 3]
                let entry = try Fixture.decision(approval, action, at: sequence, user: user, others: ["bob", "cyn"])
                entries.append(entry)
                // The stream has a decision only after its request, and one.
                let isTaken = records.contains { $0.place == entry.approvalPlace }
                if !isTaken, records.contains(where: { $0.place.approvalID.text == approval && $0.request != nil }) {
                    records.append(try Fixture.record(ofDecision: entry, at: place))
                }
            case 1:
                let effect = ApprovalPlace.effect(approvalID: try ApprovalID(approval))
                entries.append(try Fixture.entry(sequence, "remediation.rejected", #"{"remediationId":"r"}"#, place: effect))
            default:
                let names = Bool.random(using: &random) ? #","groups":[{"name":"g","users":["bob","cyn"]}]"# : ""
                let entry = try Fixture.request(approval, at: sequence, user: user, members: names)
                entries.append(entry)
                let isTaken = records.contains { $0.place.approvalID.text == approval && $0.request != nil }
                if !isTaken, Bool.random(using: &random) { records.append(try Fixture.record(of: entry, at: place)) }
            }
        }
        /// Applies both streams, interleaved at random.
        func follow(_ entries: [LogEntry], _ records: [ApprovalRecord]) async throws -> ReadModel {
            let model = try ReadModel(path: ReadModelFile.memory)
            _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
            var (entries, records) = (entries[...], records[...])
            while !entries.isEmpty || !records.isEmpty {
                if records.isEmpty || (!entries.isEmpty && Bool.random()) {
                    try await model.take([entries.removeFirst()])
                } else {
                    try await model.take([records.removeFirst()])
                }
            }
            return model
        }
        let followed = try await follow(entries, records)
        for (first, firstRecord) in [(2, 1), (9, 1), (17, 3), (33, 3), (41, 6)] as [(UInt64, UInt64)] {
            #expect(try await followed.drop(keeping: Fixture.log(from: first), life: followed.logLife))
            try await followed.drop(.approvals, before: firstRecord, life: followed.life(of: .approvals))
            let built = try await follow(entries.filter { $0.sequence >= first }, records.filter { $0.sequence >= firstRecord })
            for viewer in [Fixture.ann, Fixture.bob] {
                for status in [nil] + ApprovalStatus.allCases.map(Optional.some) {
                    let lists = try await (followed.listed(for: viewer, status), built.listed(for: viewer, status))
                    #expect(
                        lists.0 == lists.1,
                        "from \(first) on: \(entries.map { ($0.sequence, $0.event.type.name, $0.event.payload.string("approvalId")) })"
                    )
                    #expect(status == nil || lists.0.allSatisfy { $0.status == status })
                }
                let query = NotificationQuery(viewer: viewer, epoch: 7, limit: 50)
                let pages = try await (followed.notifications(query), built.notifications(query))
                #expect(pages.0 == pages.1, "from \(first) and \(firstRecord) on")
            }
        }
    }

    /// The attack: a second request under a used id waits until the log drops the first, and the decision.
    @Test func aDecisionCountsForItsRequestAlone() async throws {
        let model = try await model()
        let first = try Fixture.request("a", at: 1), second = try Fixture.request("a", at: 2, members: #","title":"Delete the database""#)
        let decision = try Fixture.decision("a", "approve", at: 3, of: 1)
        let effect = try Fixture.entry(4, "remediation.approved", #"{"remediationId":"rem_a"}"#, place: .effect(approvalID: Self.a))
        try await model.take([first, second, decision, effect])
        try await model.take([try Fixture.record(of: first), try Fixture.record(ofDecision: decision)])
        #expect(try await approval(model)?.request.place.sequence == 1)
        #expect(try await asked(model) == [1])
        for deleted in [[1], [1, 3], [1, 3, 4]] as [[UInt64]] {
            #expect(try await model.drop(keeping: Fixture.log(deleted: deleted), life: model.logLife))
            let approval = try #require(try await approval(model))
            #expect(approval.request.place.sequence == 1 && approval.request.title == nil && approval.status == .approved)
            #expect(try await asked(model) == [])
        }
    }

    /// Deleted one by one, or purged by subject: its notification is gone, and the approval is what it was.
    @Test func whatWasDeletedIsDropped() async throws {
        let model = try await model()
        let entries = [
            try Fixture.request("a", at: 1), try Fixture.request("b", at: 2), try Fixture.decision("b", "approve", at: 3),
            try Fixture.request("c", at: 5), try Fixture.request("d", at: 6),
        ]
        try await model.take(all: entries)
        #expect(try await asked(model) == [6, 5, 2, 1])
        #expect(try await model.drop(keeping: Fixture.log(deleted: [1, 2, 3, 6]), life: model.logLife))
        #expect(try await asked(model) == [5])
        #expect(try await ids(model, Fixture.ann) == ["d", "c", "b", "a"])
        #expect(try await ids(model, Fixture.ann, .pending) == ["d", "c", "a"])
        #expect(try await model.notifications(NotificationQuery(viewer: Fixture.ann, epoch: 7, limit: 9)).unreadCount == 1)
    }

    /// With too many holes to list, it is unknown which dropped entries the model still has.
    @Test func holesThatAreNotListedRebuild() async throws {
        let model = try await model()
        try await model.take(all: [try Fixture.request("a", at: 1), try Fixture.request("b", at: 2)])
        var kept = Fixture.log(last: 2)
        kept.deleted = DeletedSequences(unlisted: 200_000)
        #expect(try await !model.drop(keeping: kept, life: model.logLife))
        #expect(try await model.followLog(kept, isRecognised: true).logPosition == 0)
        #expect(try await asked(model) == [])
        #expect(try await ids(model, Fixture.ann) == ["b", "a"])
        #expect(try await model.drop(keeping: kept, life: model.logLife), "what is gone before the reading begins will not come")
        kept.deleted = DeletedSequences(unlisted: 200_001)
        #expect(try await !model.drop(keeping: kept, life: model.logLife))
    }

    /// Findings about a log are discarded when reading restarts.
    @Test func whatAFormerLogKeptIsNoMatter() async throws {
        let model = try await model()
        try await model.take(all: [try Fixture.request("a", at: 41)])
        let life = model.logLife
        _ = try await model.followLog(Fixture.log(epoch: 8, last: 50), isRecognised: true)
        try await model.take(all: [try Fixture.request("b", at: 3)])
        #expect(try await model.drop(keeping: Fixture.log(from: 40), life: life))
        #expect(try await asked(model) == [3])
        #expect(try await model.drop(keeping: Fixture.log(from: 4), life: model.logLife))
        #expect(try await asked(model) == [])
        #expect(try await ids(model, Fixture.ann) == ["a", "b"])
    }

    @Test func aKeyBelongsToOneApproval() async throws {
        let model = try await model()
        let key = try IdempotencyKey("k")
        let request = DecisionService.Request(approvalID: Self.a, action: .approve, idempotencyKey: key)
        let id = DecisionID.make(request, of: Fixture.ann, now: Fixture.time)
        let decision = Decision(
            approvalID: Self.a,
            remediationID: RemediationID(generated: "r"),
            action: .approve,
            decidedBy: Fixture.ann.user,
            decidedAt: Fixture.time
        )
        let event = try decision.event(id: id, tenant: Fixture.acme, traceparent: nil)
        try await model.take([Fixture.record(event, at: .decision(approvalID: Self.a), 2)])
        let b = ApprovalID(generated: "b")
        #expect(try await model.hasActed(under: key, Fixture.ann, otherThan: b))
        #expect(try await !model.hasActed(under: key, Fixture.ann, otherThan: Self.a))
        #expect(try await !model.hasActed(under: key, Fixture.bob, otherThan: b))
        #expect(try await !model.hasActed(under: key, Fixture.viewer(of: "globex"), otherThan: b))
        #expect(try await !model.hasActed(under: IdempotencyKey("l"), Fixture.ann, otherThan: b))
    }

    // MARK: The file

    @Test func goesOnWhereItWas() async throws {
        do {
            let model = try await model()
            try await model.take(all: [try Fixture.request("a", at: 41)])
        }
        let model = try ReadModel(path: path)
        let progress = try await model.followLog(Fixture.log(epoch: 7, last: 50), isRecognised: true)
        #expect(progress.logPosition == 41)
        #expect(try await model.progress(of: .approvals).position == 41)
        #expect(try await approval(model) != nil)
        #expect(try await asked(model) == [41])
    }

    @Test(arguments: [(UInt16(8), UInt64(50), true), (7, 40, true), (7, 50, false)])
    func anotherOrAShorterLogBeginsAnew(_ epoch: UInt16, _ last: UInt64, _ isRecognised: Bool) async throws {
        let model = try await model()
        try await model.take(all: [try Fixture.request("a", at: 41)])
        let progress = try await model.followLog(Fixture.log(epoch: epoch, last: last), isRecognised: isRecognised)
        #expect(progress.logPosition == 0)
        #expect(progress.logEpoch == epoch)
        #expect(model.logEpoch == epoch)
        let query = NotificationQuery(viewer: Fixture.ann, epoch: epoch, limit: 9)
        #expect(try await model.notifications(query).items.isEmpty)
        #expect(try await approval(model)?.request.event.epoch == 7, "an approval outlives the log of its request")
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
