import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

/// The notification list against a plain model of it: marks and notifications in any order, and every question.
@Suite struct InboxTests {
    private static let tenant = "acme"

    private func model() async throws -> ReadModel {
        let model = try ReadModel(path: ReadModelFile.memory)
        _ = try await model.followLog(epoch: 7, last: .max)
        _ = try await model.followInbox(life: 1, last: .max)
        return model
    }

    private func notice(_ sequence: UInt64, user: String? = nil, type: String = "notification.created", tenant: String = tenant) throws
        -> LogChange
    {
        let entry = try Fixture.entry(sequence, type, #"{"id":"n\#(sequence)","title":"N","incidentId":"i"}"#, tenant: tenant, user: user)
        return try #require(LogChange.changes(of: entry).last)
    }

    private func mark(_ extent: ReadMark.Extent, user: String = "ann", at milliseconds: Int64 = 0, epoch: UInt16 = 7) -> ReadMark {
        ReadMark(tenant: Self.tenant, user: user, epoch: epoch, extent: extent, readAt: Fixture.later(milliseconds))
    }

    private func query(_ user: String = "ann", before: UInt64? = nil, isRead: Bool? = nil, type: String? = nil, limit: Int = 50)
        -> NotificationQuery
    {
        NotificationQuery(tenant: Self.tenant, user: user, epoch: 7, before: before, isRead: isRead, typeName: type, limit: limit)
    }

    @Test func marksCountWhetherTheyComeBeforeOrAfter() async throws {
        let model = try await model()
        try await model.apply([mark(.one(2), at: 5), mark(.through(3), at: 9), mark(.one(9), at: 1, epoch: 6)], position: 3, generation: 0)
        try await model.apply(try (1...9 as ClosedRange<UInt64>).map { try notice($0) }, position: 9, generation: 0)
        try await model.apply([mark(.one(5), at: 7), mark(.one(5), at: 8)], position: 5, generation: 0)
        let page = try await model.notifications(query())
        #expect(page.unreadCount == 5)
        let readAt = Dictionary(uniqueKeysWithValues: page.items.map { ($0.record.place.sequence, $0.readAt) })
        #expect(
            readAt == [
                1: Fixture.later(9), 2: Fixture.later(5), 3: Fixture.later(9), 4: nil, 5: Fixture.later(7), 6: nil, 7: nil, 8: nil, 9: nil,
            ]
        )
        #expect(try await model.notifications(query("bob")).unreadCount == 9)
    }

    @Test func floorsOnlyRise() async throws {
        let model = try await model()
        try await model.apply(try (1...4 as ClosedRange<UInt64>).map { try notice($0) }, position: 4, generation: 0)
        try await model.apply([mark(.through(3), at: 1), mark(.through(2), at: 2), mark(.through(4), at: 3)], position: 3, generation: 0)
        #expect(try await model.notifications(query()).items.map(\.readAt) == [3, 1, 1, 1].map { Fixture.later($0) })
    }

    @Test func marksOfNothingCountForNothing() async throws {
        let model = try await model()
        try await model.apply([try notice(1), try notice(2, user: "bob"), try notice(3, tenant: "globex")], position: 3, generation: 0)
        try await model.apply([mark(.one(2)), mark(.one(3)), mark(.one(77))], position: 3, generation: 0)
        #expect(try await model.notifications(query()).unreadCount == 1)
    }

    @Test func anotherStreamOfMarksForgetsThem() async throws {
        let model = try await model()
        try await model.apply([try notice(1)], position: 1, generation: 0)
        try await model.apply([mark(.one(1))], position: 8, generation: 0)
        #expect(try await model.followInbox(life: 1, last: 8).inboxPosition == 8)
        #expect(try await model.notifications(query()).unreadCount == 0)
        #expect(try await model.followInbox(life: 2, last: 8).inboxPosition == 0)
        #expect(try await model.notifications(query()).unreadCount == 1)
    }

    @Test func pruningKeepsWhatIsKept() async throws {
        let model = try await model()
        try await model.apply(try (1...6 as ClosedRange<UInt64>).map { try notice($0) }, position: 6, generation: 0)
        try await model.apply([mark(.one(1)), mark(.one(5)), mark(.through(2)), mark(.one(5), epoch: 3)], position: 4, generation: 0)
        try await model.prune(before: 4, generation: 0)
        let page = try await model.notifications(query())
        #expect(page.items.map(\.record.place.sequence) == [6, 5, 4])
        #expect(page.unreadCount == 2)
    }

    /// Random lists and marks; every page of every query is what filtering the whole list by hand gives.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func answersLikeThePlainList(_ seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let model = try await model()
        var notices: [(sequence: UInt64, user: String?, type: String)] = []
        for sequence in 1...60 as ClosedRange<UInt64> {
            let user = [nil, "ann", "bob"][Int.random(in: 0..<3, using: &generator)]
            let type = ["notification.created", "incident.created"][Int.random(in: 0..<2, using: &generator)]
            notices.append((sequence, user, type))
        }
        var marks: [ReadMark] = []
        for index in 0..<25 {
            let sequence = UInt64.random(in: 1...70, using: &generator)
            let isFloor = Int.random(in: 0..<8, using: &generator) == 0
            let user = Bool.random(using: &generator) ? "ann" : "bob"
            marks.append(mark(isFloor ? .through(min(sequence, 30)) : .one(sequence), user: user, at: Int64(index)))
        }
        try await model.apply(marks, position: 1, generation: 0)
        try await model.apply(try notices.map { try notice($0.sequence, user: $0.user, type: $0.type) }, position: 60, generation: 0)

        let visible = notices.filter { $0.user == nil || $0.user == "ann" }.reversed()
        func isRead(_ sequence: UInt64) -> Bool {
            marks.contains { mark in
                guard mark.user == "ann" else { return false }
                switch mark.extent {
                case .one(let one): return one == sequence
                case .through(let through): return sequence <= through
                }
            }
        }
        for read in [nil, true, false] as [Bool?] {
            for type in [nil, "incident.created"] as [String?] {
                let wanted = visible.filter { (read == nil || isRead($0.sequence) == read) && (type == nil || $0.type == type) }.map(
                    \.sequence
                )
                var got: [UInt64] = []
                var before: UInt64?
                repeat {
                    let page = try await model.notifications(query(before: before, isRead: read, type: type, limit: 7))
                    got += page.items.map(\.record.place.sequence)
                    #expect(page.unreadCount == visible.count { !isRead($0.sequence) })
                    before = page.hasMore ? page.items.last?.record.place.sequence : nil
                } while before != nil
                #expect(got == wanted, "read \(String(describing: read)), type \(type ?? "any")")
            }
        }
    }
}
