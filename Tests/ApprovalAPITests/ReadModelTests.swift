import Basics
import EventLog
import EventModel
import Foundation
import GRDB
import TestKit
import Testing

@testable import approval_api

@Suite struct ReadModelTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.file("model.sqlite") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func model() async throws -> ReadModel {
        let model = try ReadModel(path: path)
        _ = try await model.followLog(epoch: 7, last: .max)
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
        var approval = try #require(try await model.approval(tenant: "acme", id: "a"))
        #expect(approval.status == .pending)
        #expect(approval.request.fourEyes)
        #expect(approval.request.expiry == .at(Timestamp(millisecondsSinceEpoch: 1_893_456_000_000)))
        #expect(approval.request.place == LogPlace(sequence: 1, intake: Fixture.later(1)))
        #expect(try await model.approval(tenant: "globex", id: "a") == nil)
        try await apply([try Fixture.decision("a", "reject", at: 2)], to: model)
        try await apply(
            [try Fixture.entry(3, "remediation.rejected", #"{"remediationId":"rem_a"}"#, place: .effect(approvalID: "a"))],
            to: model
        )
        approval = try #require(try await model.approval(tenant: "acme", id: "a"))
        #expect(approval.status == .rejected)
        #expect(approval.decision?.eventID == "e2")
        #expect(approval.decision?.decision.decidedBy == "ann")
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
        let first = try await model.approval(tenant: "acme", id: "a")
        try await apply(entries, to: model)
        #expect(try await model.approval(tenant: "acme", id: "a") == first)
        #expect(first?.request.title == nil, "what was asked first is what is answered")
    }

    /// An approval that is asked for again while its decision is still known is not open again.
    @Test func aDecisionOutlivesItsRequest() async throws {
        let model = try await model()
        try await apply([try Fixture.request("a"), try Fixture.decision("a", "approve", at: 2)], to: model)
        try await model.prune(before: 2, generation: model.generation)
        #expect(try await model.approval(tenant: "acme", id: "a") == nil)
        try await apply([try Fixture.request("a", at: 9)], to: model)
        #expect(try await model.approvals(tenant: "acme", status: .pending, before: nil, limit: 10).isEmpty)
        #expect(try await model.approval(tenant: "acme", id: "a")?.status == .approved)
    }

    @Test func listsNewestFirstFromAPlaceOn() async throws {
        let model = try await model()
        try await apply(
            try (1...9 as ClosedRange<UInt64>).map { try Fixture.request("a\($0)", at: $0, tenant: $0 == 5 ? "globex" : "acme") },
            to: model
        )
        try await apply([try Fixture.decision("a3", "approve", at: 10), try Fixture.decision("a7", "expire", at: 11)], to: model)
        func ids(_ status: ApprovalStatus?, before: UInt64?, limit: Int = 3) async throws -> [String] {
            try await model.approvals(tenant: "acme", status: status, before: before, limit: limit).map(\.request.approvalID)
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
        #expect(try await model.overdue(by: now, limit: 10).map(\.request.approvalID) == ["sooner", "soon"])
        #expect(try await model.overdue(by: now, limit: 1).map(\.request.approvalID) == ["sooner"])
    }

    // MARK: The file

    @Test func goesOnWhereItWas() async throws {
        do {
            let model = try await model()
            try await apply([try Fixture.request("a", at: 41)], to: model)
        }
        let model = try ReadModel(path: path)
        let progress = try await model.followLog(epoch: 7, last: 50)
        #expect(progress.logPosition == 41)
        #expect(try await model.approval(tenant: "acme", id: "a") != nil)
    }

    @Test(arguments: [(UInt16(8), UInt64(50)), (7, 40)])
    func anotherOrAShorterLogBeginsAnew(_ epoch: UInt16, _ last: UInt64) async throws {
        let model = try await model()
        try await apply([try Fixture.request("a", at: 41)], to: model)
        let progress = try await model.followLog(epoch: epoch, last: last)
        #expect(progress.logPosition == 0)
        #expect(progress.logEpoch == epoch)
        #expect(model.logEpoch == epoch)
        #expect(try await model.approval(tenant: "acme", id: "a") == nil)
    }

    /// A log that was restored from an older copy and written on has another message where the model has read the last one.
    @Test func aRestoredLogBeginsAnew() async throws {
        let stamp = LogStamp(sequence: 41, storedAt: 1_700_000_000_123_456_789)
        do {
            let model = try await model()
            let changes = LogChange.changes(of: try Fixture.request("a", at: 41))
            try await model.apply(changes, position: 41, stamp: stamp, generation: model.generation)
        }
        let model = try ReadModel(path: path)
        #expect(try await model.followLog(epoch: 7, last: 50).logStamp == stamp)
        #expect(try await model.approval(tenant: "acme", id: "a") != nil)
        let progress = try await model.followLog(epoch: 7, last: 50, isRecognised: false)
        #expect(progress.logPosition == 0 && progress.logStamp == nil)
        #expect(try await model.approval(tenant: "acme", id: "a") == nil)
    }

    @Test func restoredReadMarksBeginAnew() async throws {
        let stamp = LogStamp(sequence: 5, storedAt: 99)
        let model = try await model()
        _ = try await model.followInbox(life: 3, last: 9)
        try await model.apply([ReadMark](), position: 5, stamp: stamp, generation: model.generation)
        #expect(try await model.followInbox(life: 3, last: 9).inboxStamp == stamp)
        let progress = try await model.followInbox(life: 3, last: 9, isRecognised: false)
        #expect(progress.inboxPosition == 0 && progress.inboxStamp == nil)
    }

    @Test func whatWasDeletedIsDropped() async throws {
        let model = try await model()
        try await apply(try (1...6 as ClosedRange<UInt64>).map { try Fixture.request("a\($0)", at: $0) }, to: model)
        try await model.prune(before: 2, deleted: [3...4, 6...6], generation: model.generation)
        let left = try await model.approvals(tenant: "acme", status: nil, before: nil, limit: 10)
        #expect(left.map(\.request.approvalID) == ["a5", "a2"])
    }

    @Test func whoeverWritesToAFormerMakingIsTold() async throws {
        let model = try await model()
        let generation = model.generation
        try model.recreate(generation)
        try model.recreate(generation)
        #expect(model.generation == generation + 1)
        await #expect(throws: ReadModel.Recreated.self) { try await model.apply([LogChange](), position: 5, generation: generation) }
        #expect(try await model.progress().logPosition == 0)
    }

    @Test func anotherVersionIsMadeAnew() async throws {
        do {
            let model = try await model()
            try await apply([try Fixture.request("a")], to: model)
            try await model.write(model.generation) { try $0.execute(sql: "PRAGMA user_version = 99") }
        }
        let model = try ReadModel(path: path)
        #expect(try await model.progress().logPosition == 0)
    }

    @Test func filesOfOthersAreLeftAlone() throws {
        try directory.write("Dear reader", to: "letter.txt")
        #expect(throws: ReadModelError.self) { try ReadModel(path: directory.file("letter.txt")) }
        #expect(try String(contentsOfFile: directory.file("letter.txt"), encoding: .utf8) == "Dear reader")
        let other = try DatabaseQueue(path: directory.file("other.sqlite"))
        try other.write { try $0.execute(sql: "CREATE TABLE precious (x)") }
        try other.close()
        #expect(throws: ReadModelError.self) { try ReadModel(path: directory.file("other.sqlite")) }
    }

    @Test func oneProcessAFile() throws {
        let first = try ReadModel(path: path)
        let error = #expect(throws: ReadModelError.self) { try ReadModel(path: path) }
        #expect(error?.description.contains("in use") == true)
        withExtendedLifetime(first) {}
    }

    @Test func aStaleWriteAheadLogIsNotReadIntoANewFile() async throws {
        do {
            let model = try await model()
            try await apply([try Fixture.request("a")], to: model)
            try FileManager.default.copyItem(atPath: path + "-wal", toPath: directory.file("stale"))
        }
        try FileManager.default.removeItem(atPath: path)
        try? FileManager.default.removeItem(atPath: path + "-wal")
        try FileManager.default.moveItem(atPath: directory.file("stale"), toPath: path + "-wal")
        let model = try ReadModel(path: path)
        #expect(try await model.progress().logPosition == 0)
        #expect(try await model.approval(tenant: "acme", id: "a") == nil)
    }

    @Test func aPathThatCannotBeWrittenIsASentence() {
        let error = #expect(throws: ReadModelError.self) { try ReadModel(path: "/nowhere/at/all.sqlite") }
        #expect(error?.description.contains("DATABASE_FILE") == true)
    }
}
