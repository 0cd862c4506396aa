import Basics
import EventLog
import EventModel
import GRDB
import TestKit
import Testing

@testable import approval_api

/// The notification list against a simple model: marks and notifications in any order, and every query.
@Suite struct InboxTests {
    private static let tenant = "acme"
    /// Members of a request that names people: if it has a user, they are recipients too.
    private static let naming = #","groups":[{"name":"g","users":["ann","bob","cyn"]}]"#

    private func model() async throws -> ReadModel {
        let model = try ReadModel(path: ReadModelFile.memory)
        _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        _ = try await model.follow(.inbox, life: 1, last: .max, isRecognised: true)
        return model
    }

    private func notice(_ sequence: UInt64, user: String? = nil, type: String = "notification.created", tenant: String = tenant) throws
        -> LogChange
    {
        let entry = try Fixture.entry(sequence, type, #"{"id":"n\#(sequence)","title":"N","incidentId":"i"}"#, tenant: tenant, user: user)
        return try #require(LogChange.changes(of: entry).last)
    }

    /// - Parameter intake: in milliseconds (``Fixture/later(_:)``).
    private func notice(_ sequence: UInt64, user: String? = nil, intake: Int64) throws -> LogChange {
        let event = try Fixture.event("notification.created", #"{"id":"n"}"#, user: user, id: "e\(sequence)")
        let entry = LogEntry(sequence: sequence, intake: Fixture.later(intake), event: event)
        return try #require(LogChange.changes(of: entry).last)
    }

    /// - Parameter intake: of the event at the place, in milliseconds (``Fixture/later(_:)``); nil for a mark that names none.
    private func mark(
        _ extent: ReadMark.Extent,
        user: String = "ann",
        at milliseconds: Int64 = 0,
        epoch: UInt16 = 7,
        intake: Int64? = nil
    ) -> ReadMark {
        ReadMark(
            tenant: Fixture.acme,
            user: UserID(generated: user),
            epoch: epoch,
            extent: extent,
            readAt: Fixture.later(milliseconds),
            intake: intake.map { Fixture.later($0) }
        )
    }

    private func query(_ user: String = "ann", before: UInt64? = nil, isRead: Bool? = nil, type: String? = nil, limit: Int = 50)
        -> NotificationQuery
    {
        let viewer = Viewer(tenant: Fixture.acme, user: UserID(generated: user))
        let type = type.flatMap { try? EventType($0) }
        return NotificationQuery(viewer: viewer, epoch: 7, before: before, isRead: isRead, type: type, limit: limit)
    }

    private func applyMarks(_ marks: [ReadMark], position: UInt64, to model: ReadModel) async throws {
        try await model.take(marks.map { (place: position, mark: $0) }, position: position)
    }

    @Test func marksCountWhetherTheyComeBeforeOrAfter() async throws {
        let model = try await model()
        try await applyMarks([mark(.one(2), at: 5), mark(.through(3), at: 9), mark(.one(9), at: 1, epoch: 6)], position: 3, to: model)
        try await model.apply(try (1...9 as ClosedRange<UInt64>).map { try notice($0) }, position: 9, generation: 0)
        try await applyMarks([mark(.one(5), at: 7), mark(.one(5), at: 8)], position: 5, to: model)
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

    /// The log was restored from an older copy and appended to: another event has the place of one that was read. The fixture's notices
    /// have the millisecond of their place as time of intake.
    @Test(arguments: [false, true]) func aMarkCountsForItsEventAlone(_ isFirst: Bool) async throws {
        let model = try await model()
        let notices = try (1...4 as ClosedRange<UInt64>).map { try notice($0) }
        let marks = [mark(.one(1), intake: 1), mark(.one(2), intake: -7), mark(.one(3), at: 5, intake: -7), mark(.one(4))]
        if isFirst { try await applyMarks(marks, position: 1, to: model) }
        try await model.apply(notices, position: 4, generation: 0)
        if !isFirst { try await applyMarks(marks, position: 1, to: model) }
        func readAt() async throws -> [Timestamp?] {
            let page = try await model.notifications(query())
            #expect(page.unreadCount == page.items.count { $0.readAt == nil })
            #expect(try await model.notifications(query(isRead: true)).items == page.items.filter { $0.readAt != nil })
            return page.items.map(\.readAt).reversed()
        }
        #expect(try await readAt() == [Fixture.time, nil, nil, Fixture.time])
        // The new one at the place is then marked as read, and stays so.
        try await applyMarks([mark(.one(3), at: 8, intake: 3), mark(.one(3), at: 9, intake: 3)], position: 2, to: model)
        #expect(try await readAt() == [Fixture.time, nil, Fixture.later(8), Fixture.time])
        // A later replica reads only the retained marks, and gives the same answer.
        try await model.drop(.inbox, before: 2, life: model.life(of: .inbox))
        #expect(try await readAt() == [nil, nil, Fixture.later(8), nil])
    }

    @Test func floorsOnlyRise() async throws {
        let model = try await model()
        try await model.apply(try (1...4 as ClosedRange<UInt64>).map { try notice($0) }, position: 4, generation: 0)
        try await applyMarks([mark(.through(3), at: 1), mark(.through(2), at: 2), mark(.through(4), at: 3)], position: 3, to: model)
        #expect(try await model.notifications(query()).items.map(\.readAt) == [3, 1, 1, 1].map { Fixture.later($0) })
    }

    /// The log was restored from an older copy, which ended at 5, and written on. What came to places below a mark of the former copy is unread; a
    /// newer, lower mark counts beside it.
    @Test(arguments: [false, true]) func aMarkUpToAPlaceCountsForItsCopyOfTheLog(_ isFirst: Bool) async throws {
        let model = try await model()
        let kept = try (1...5 as ClosedRange<UInt64>).map { try notice($0) }
        let new = try (6...10 as ClosedRange<UInt64>).map { try notice($0, intake: 500_000 + Int64($0)) }
        let former = mark(.through(10), at: 50, intake: 10)
        if isFirst { try await applyMarks([former], position: 1, to: model) }
        try await model.apply(kept + new, position: 10, generation: 0)
        if !isFirst { try await applyMarks([former], position: 1, to: model) }
        func readAt() async throws -> [Int64?] {
            let page = try await model.notifications(query())
            #expect(page.unreadCount == page.items.count { $0.readAt == nil })
            for isRead in [true, false] {
                let part = try await model.notifications(query(isRead: isRead))
                #expect(part.items == page.items.filter { ($0.readAt != nil) == isRead })
            }
            let one = try await model.notification(at: 6, epoch: 7, for: Fixture.ann)
            #expect(one == page.items.first { $0.record.place.sequence == 6 })
            return page.items.reversed().map { $0.readAt.map { $0.millisecondsSinceEpoch - Fixture.time.millisecondsSinceEpoch } }
        }
        #expect(try await readAt() == [50, 50, 50, 50, 50, nil, nil, nil, nil, nil])

        // An event of the former copy was seen without what is new; one of this copy with it.
        func rise(_ sequence: UInt64, _ intake: Int64) async throws -> LogPlace? {
            try await model.rise(through: LogPlace(sequence: sequence, intake: Fixture.later(intake)), epoch: 7, for: Fixture.ann)
        }
        #expect(try await rise(9, 9) == nil)
        #expect(try await rise(8, 500_008) == LogPlace(sequence: 8, intake: Fixture.later(500_008)))
        try await applyMarks([mark(.through(8), at: 60, intake: 500_008)], position: 2, to: model)
        #expect(try await readAt() == [50, 50, 50, 50, 50, 60, 60, 60, nil, nil])
        #expect(try await rise(8, 500_008) == nil)

        // At the same place as the mark of the former copy.
        try await applyMarks([mark(.through(10), at: 70, intake: 500_010)], position: 3, to: model)
        #expect(try await readAt() == [50, 50, 50, 50, 50, 60, 60, 60, 70, 70])
        // Marks dropped from their stream no longer count, here as in a later replica.
        try await model.drop(.inbox, before: 2, life: model.life(of: .inbox))
        #expect(try await readAt() == [60, 60, 60, 60, 60, 60, 60, 60, 70, 70])
    }

    /// Producers' clocks differ by some milliseconds: an event's time of intake may precede that of its predecessor in the log.
    @Test func intakesNeedNotRiseOneByOne() async throws {
        let model = try await model()
        let notices = [try notice(1, intake: 50), try notice(2, intake: 52), try notice(3, user: "ann", intake: 49)]
        try await model.apply(notices, position: 4, generation: 0)
        let last = try await model.rise(through: LogPlace(sequence: 4, intake: Fixture.later(40)), epoch: 7, for: Fixture.ann)
        #expect(last == LogPlace(sequence: 3, intake: Fixture.later(49)))
        try await applyMarks([mark(.through(3), at: 60, intake: 49)], position: 1, to: model)
        #expect(try await model.notifications(query()).items.map(\.readAt) == [60, 60, 60].map { Fixture.later($0) })
        #expect(try await model.unreadCount(for: Fixture.ann, epoch: 7) == 0)
        // A later mark changes nothing about when they were read.
        try await model.apply([try notice(4, intake: 70)], position: 5, generation: 0)
        try await applyMarks([mark(.through(4), at: 80, intake: 70)], position: 2, to: model)
        #expect(try await model.notifications(query()).items.map(\.readAt) == [80, 60, 60, 60].map { Fixture.later($0) })
    }

    /// Marks of two copies of a log and from before marks named an intake, before and after what they mark, and some of them dropped: what is read
    /// is what any mark that is kept reaches by place and by time.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func marksOfTwoCopiesAnswerLikeThePlainList(_ seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let model = try await model()
        let restored = UInt64.random(in: 0...40, using: &generator)
        func intake(_ sequence: UInt64, isFormer: Bool) -> Int64 { Int64(sequence) * 10 + (isFormer || sequence <= restored ? 0 : 900_000) }
        var notices: [(sequence: UInt64, user: String?)] = []
        for sequence in 1...60 as ClosedRange<UInt64> where Bool.random(using: &generator) {
            notices.append((sequence, [nil, "ann", "bob"].randomElement(using: &generator) ?? nil))
        }
        var marks: [ReadMark] = []
        for index in 0..<30 {
            let place = UInt64.random(in: 1...60, using: &generator)
            let isFormer = index < 15
            let isOld = Int.random(in: 0..<10, using: &generator) == 0
            // Marks without an intake count for every copy; low ones leave something to tell apart.
            let through = isOld ? place / 8 : place
            marks.append(mark(.through(through), at: Int64(index), intake: isOld ? nil : intake(through, isFormer: isFormer)))
        }
        var applied = 0
        var written = 0
        var first = 0
        while applied < marks.count || written < notices.count {
            if applied < marks.count, Bool.random(using: &generator) || written == notices.count {
                applied += 1
                try await applyMarks([marks[applied - 1]], position: UInt64(applied), to: model)
            } else {
                let next = notices[written]
                written += 1
                let change = try notice(next.sequence, user: next.user, intake: intake(next.sequence, isFormer: false))
                try await model.apply([change], position: next.sequence, generation: 0)
            }
            if applied > first + 5, Int.random(in: 0..<8, using: &generator) == 0 {
                first = Int.random(in: first..<applied, using: &generator)
                try await model.drop(.inbox, before: UInt64(first) + 1, life: model.life(of: .inbox))
            }
            let page = try await model.notifications(query(limit: 100))
            let kept = marks[first..<applied]
            for item in page.items {
                let place = item.record.place
                let isRead = kept.contains { mark in
                    guard case .through(let through) = mark.extent else { return false }
                    return place.sequence <= through && (mark.intake.map { place.intake <= $0 } ?? true)
                }
                #expect((item.readAt != nil) == isRead, "\(place) with \(applied) marks from \(first) on")
            }
            #expect(page.unreadCount == page.items.count { $0.readAt == nil })
            #expect(try await model.notifications(query(isRead: true, limit: 100)).items == page.items.filter { $0.readAt != nil })
        }
    }

    /// A mark is of a notification that the user has and that none of the former ones reaches.
    @Test func aMarkThatMovesNothingIsNone() async throws {
        let model = try await model()
        func rise(_ place: UInt64, _ viewer: Viewer = Fixture.ann, epoch: UInt16 = 7) async throws -> UInt64? {
            let rise = try await model.rise(through: LogPlace(sequence: place, intake: Fixture.later(9)), epoch: epoch, for: viewer)
            if let rise { #expect(rise.intake == Fixture.later(Int64(rise.sequence)), "the mark is of the notification") }
            return rise?.sequence
        }
        #expect(try await rise(.max) == nil)
        try await model.apply(
            [try notice(2), try notice(4), try notice(5, user: "bob"), try notice(6, tenant: "globex")],
            position: 6,
            generation: 0
        )
        #expect(try await rise(1) == nil)
        #expect(try await rise(3) == 2)
        #expect(try await rise(.max) == 4)
        #expect(try await rise(.max, Fixture.bob) == 5)
        try await applyMarks([mark(.through(2))], position: 1, to: model)
        #expect(try await rise(3) == nil)
        #expect(try await rise(6) == 4)
        #expect(try await rise(3, epoch: 8) == 2, "a mark in another life of the log is none in this one")
        try await applyMarks([mark(.through(4))], position: 2, to: model)
        #expect(try await rise(.max) == nil)
        #expect(try await model.notifications(query()).unreadCount == 0)
        #expect(try await rise(.max, Fixture.bob) == 5)
    }

    @Test func marksOfNothingCountForNothing() async throws {
        let model = try await model()
        try await model.apply([try notice(1), try notice(2, user: "bob"), try notice(3, tenant: "globex")], position: 3, generation: 0)
        try await applyMarks([mark(.one(2)), mark(.one(3)), mark(.one(77))], position: 3, to: model)
        #expect(try await model.notifications(query()).unreadCount == 1)
    }

    @Test func anotherStreamOfMarksForgetsThem() async throws {
        let model = try await model()
        try await model.apply([try notice(1)], position: 1, generation: 0)
        try await applyMarks([mark(.one(1))], position: 8, to: model)
        #expect(try await model.follow(.inbox, life: 1, last: 8, isRecognised: true).position == 8)
        #expect(try await model.notifications(query()).unreadCount == 0)
        #expect(try await model.follow(.inbox, life: 2, last: 8, isRecognised: true).position == 0)
        #expect(try await model.notifications(query()).unreadCount == 1)
    }

    /// A stream that was restored from an older copy and written on has the same life and an end beyond the position.
    @Test func aStreamOfMarksThatIsNotRecognisedForgetsThem() async throws {
        let model = try await model()
        try await model.apply([try notice(1)], position: 1, generation: 0)
        let stamp = LogStamp(sequence: 8, storedAt: .max)
        try await model.take([(place: 8, mark: mark(.one(1)))], position: 8, stamp: stamp)
        #expect(try await model.progress(of: .inbox).stamp == stamp)
        #expect(try await model.follow(.inbox, life: 1, last: 9, isRecognised: false).position == 0)
        #expect(try await model.progress(of: .inbox).stamp == nil)
        #expect(try await model.notifications(query()).unreadCount == 1)
    }

    /// A replica that saw a mark gives the same answer as one that started after the mark was purged.
    @Test func marksThatTheirStreamDroppedAreForgotten() async throws {
        let model = try await model()
        try await model.apply(try (1...4 as ClosedRange<UInt64>).map { try notice($0) }, position: 4, generation: 0)
        let marks = [mark(.one(1)), mark(.one(2)), mark(.through(1)), mark(.one(4)), mark(.one(1), at: 9)]
        try await model.take(marks.enumerated().map { (place: UInt64($0 + 1), mark: $1) }, position: 5)
        #expect(try await model.notifications(query()).unreadCount == 1)
        let life = model.life(of: .inbox)
        try await model.drop(.inbox, before: 4, life: life)
        #expect(try await model.notifications(query()).items.map { $0.readAt != nil } == [true, false, false, true])
        #expect(try await model.notifications(query()).unreadCount == 2)
        // Findings about a stream are discarded when reading restarts.
        _ = try await model.follow(.inbox, life: 2, last: 5, isRecognised: true)
        try await applyMarks([mark(.one(2))], position: 2, to: model)
        try await model.drop(.inbox, before: 5, life: life)
        #expect(try await model.notifications(query()).unreadCount == 3)
    }

    /// One at a place is found by its own place, not by the one behind it, which the last of all has not.
    @Test(arguments: [0, 1, 2, (1 << 63) - 2, (1 << 63) - 1, 1 << 63, UInt64.max - 1, UInt64.max] as [UInt64])
    func onePlaceIsOnePlace(_ sequence: UInt64) async throws {
        let model = try await model()
        let places: [UInt64] = [1, UInt64(Int64.max)]
        try await model.apply(try places.map { try notice($0) }, position: places[1], generation: 0)
        let found = try await model.notification(at: sequence, epoch: 7, for: Fixture.ann)
        #expect(found?.record.place.sequence == (places.contains(sequence) ? sequence : nil))
        let page = try await model.notifications(query(before: sequence))
        #expect(page.items.allSatisfy { $0.record.place.sequence < sequence })
    }

    @Test func oneOfAnotherUserIsNotFound() async throws {
        let model = try await model()
        try await model.apply([try notice(1, user: "bob"), try notice(2, tenant: "globex")], position: 2, generation: 0)
        #expect(try await model.notification(at: 1, epoch: 7, for: Fixture.ann) == nil)
        #expect(try await model.notification(at: 2, epoch: 7, for: Fixture.ann) == nil)
        #expect(try await model.notification(at: 1, epoch: 7, for: Fixture.bob) != nil)
    }

    /// A notification of several is in the list and the count of each, and read for each alone (contract §12).
    @Test func eachRecipientReadsForThemselves() async throws {
        let model = try await model()
        let body = #"{"approvalId":"a","remediationId":"r","action":"approve"}"#
        try await model.take([
            try Fixture.entry(1, "approval.resolved", body, user: "ann", others: ["bob", "cyn"]),
            try Fixture.entry(2, "remediation.approved", body),
        ])
        func unread(_ user: String) async throws -> [UInt64] {
            let page = try await model.notifications(query(user))
            let unread = page.items.filter { $0.readAt == nil }.map(\.record.place.sequence)
            #expect(page.unreadCount == unread.count && page.items.count == (user == "max" ? 1 : 2), "\(user)")
            #expect(try await model.unreadCount(for: query(user).viewer, epoch: 7) == unread.count)
            return unread
        }
        for user in ["ann", "bob", "cyn"] { #expect(try await unread(user) == [2, 1]) }
        #expect(try await unread("max") == [2])
        // One by one, by somebody who does not see it, and all up to a place.
        try await applyMarks([mark(.one(1), user: "bob"), mark(.one(1), user: "max")], position: 2, to: model)
        #expect(try await unread("bob") == [2])
        for user in ["ann", "cyn"] { #expect(try await unread(user) == [2, 1], "a mark of one is not another's") }
        try await applyMarks([mark(.through(2), user: "cyn")], position: 3, to: model)
        #expect(try await unread("cyn") == [])
        #expect(try await unread("ann") == [2, 1])
        #expect(try await unread("max") == [2])
        #expect(try await model.notification(at: 1, epoch: 7, for: query("cyn").viewer)?.readAt != nil)
        #expect(try await model.notification(at: 1, epoch: 7, for: query("ann").viewer)?.readAt == nil)
        #expect(try await model.notification(at: 1, epoch: 7, for: query("max").viewer) == nil)
        #expect(try await model.notification(at: 1, epoch: 7, for: Fixture.viewer("bob", of: "globex")) == nil)
        #expect(try await model.drop(keeping: Fixture.log(from: 3), life: model.logLife))
        for user in ["ann", "bob", "cyn", "max"] { #expect(try await model.unreadCount(for: query(user).viewer, epoch: 7) == 0) }
        #expect(try await model.read(for: .process) { try Int.fetchOne($0, sql: "SELECT count(*) FROM tallies") } == 0)
    }

    /// Canonically equivalent names have separate lists.
    @Test func usersAndTenantsAreComparedByteForByte() async throws {
        let model = try await model()
        let (one, other) = ("\u{E9}", "e\u{301}")
        try await model.apply([try notice(1, user: one), try notice(2, tenant: one)], position: 2, generation: 0)
        #expect(try await model.notifications(query(one)).unreadCount == 1)
        #expect(try await model.notifications(query(other)).unreadCount == 0)
        let tenants = try [one, other].map { try Fixture.viewer("ann", of: $0) }
        #expect(try await model.notification(at: 2, epoch: 7, for: tenants[0]) != nil)
        #expect(try await model.notification(at: 2, epoch: 7, for: tenants[1]) == nil)
    }

    @Test func pruningKeepsWhatIsKept() async throws {
        let model = try await model()
        try await model.apply(try (1...6 as ClosedRange<UInt64>).map { try notice($0) }, position: 6, generation: 0)
        try await applyMarks([mark(.one(1)), mark(.one(5)), mark(.through(2)), mark(.one(5), epoch: 3)], position: 4, to: model)
        #expect(try await model.drop(keeping: Fixture.log(from: 4), life: model.logLife))
        try await model.tidyMarks(generation: 0)
        let page = try await model.notifications(query())
        #expect(page.items.map(\.record.place.sequence) == [6, 5, 4])
        #expect(page.unreadCount == 2)
    }

    /// The maintained count equals the counted list after any sequence of additions, removals and marks, at any
    /// places and in any order.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func theCountIsThatOfTheList(_ seed: UInt64) async throws {
        var generator = SplitMix64(seed: seed)
        let model = try await model()
        // Places that are close together, and so far apart that each size of bucket has several.
        var places: [UInt64] = [1]
        for _ in 0..<120 {
            let widest = ([2, 1 << 10, 1 << 20, 1 << 33] as [UInt64]).randomElement(using: &generator) ?? 2
            places.append((places.last ?? 0) + UInt64.random(in: 1...widest, using: &generator))
        }
        var next = 0
        var inboxPlace: UInt64 = 0
        var first: UInt64 = 1
        var records: UInt64 = 0
        for step in 0..<150 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<4 where next < places.count:
                let user: String? = [nil, "ann", "bob"].randomElement(using: &generator) ?? nil
                let approval = "a\(Int.random(in: 0..<5, using: &generator))"
                let names = Bool.random(using: &generator) ? Self.naming : ""
                let entry =
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: try Fixture.request(approval, at: places[next], user: user, members: names)
                    case 1: try Fixture.decision(approval, "approve", at: places[next], user: user, others: ["ann", "cyn"])
                    default: try Fixture.entry(places[next], "notification.created", #"{"id":"n"}"#, user: user)
                    }
                // A request is shown once it is recorded, whichever of the two comes first; some never are.
                let isRequest = entry.event.type.name == Approval.Request.typeName
                let turn = isRequest ? Int.random(in: 0..<3, using: &generator) : 0
                records += 1
                if turn == 1 { try await model.take([try Fixture.record(of: entry, at: records)]) }
                try await model.take([entry])
                if turn == 2 { try await model.take([try Fixture.record(of: entry, at: records)]) }
                next += 1
            case 4..<8:
                inboxPlace += 1
                let place = places[Int.random(in: 0..<places.count, using: &generator)]
                let isFloor = Int.random(in: 0..<12, using: &generator) == 0
                let user = Bool.random(using: &generator) ? "ann" : "bob"
                let epoch: UInt16 = Int.random(in: 0..<10, using: &generator) == 0 ? 6 : 7
                // Of the event there, of a former one, or of any.
                let intake = [Int64(place % 1_000_000), -7, nil].randomElement(using: &generator) ?? nil
                let mark = mark(isFloor ? .through(place) : .one(place), user: user, at: Int64(step), epoch: epoch, intake: intake)
                try await applyMarks([mark], position: inboxPlace, to: model)
            case 8 where next > 0:
                first = max(first, places[Int.random(in: 0..<next, using: &generator)] / 2)
                #expect(try await model.drop(keeping: Fixture.log(from: first), life: model.logLife))
                if Bool.random(using: &generator) { try await model.tidyMarks(generation: 0) }
            case 9 where records > 10 && Bool.random(using: &generator):
                try await model.drop(.approvals, before: records - 10, life: model.life(of: .approvals))
            case 9 where inboxPlace > 20:
                try await model.drop(.inbox, before: inboxPlace - 20, life: model.life(of: .inbox))
            default: break
            }
            for user in ["ann", "bob"] {
                let all = try await model.notifications(query(user, limit: 500))
                #expect(all.unreadCount == all.items.count { $0.readAt == nil }, "step \(step) of \(user)")
                #expect(try await model.unreadCount(for: query(user).viewer, epoch: 7) == all.unreadCount)
            }
        }
        // And the counts are empty when the list is.
        #expect(try await model.drop(keeping: Fixture.log(from: UInt64(Int64.max)), life: model.logLife))
        #expect(try await model.read(for: .process) { try Int.fetchOne($0, sql: "SELECT count(*) FROM tallies") } == 0)
    }

    /// With few matches among many rows, a page ends at its scan limit, and the next one continues there.
    @Test func aPageLooksAtSoManyAndNoMore() async throws {
        let model = try await model()
        try await model.apply(try (1...100 as ClosedRange<UInt64>).map { try notice($0) }, position: 100, generation: 0)
        let read = (6...95 as ClosedRange<UInt64>).map { mark(.one($0)) }
        try await applyMarks(read, position: 1, to: model)
        var query = query(isRead: false, limit: 4)
        query.look = 10
        var pages: [[UInt64]] = []
        repeat {
            let page = try await model.notifications(query)
            pages.append(page.items.map(\.record.place.sequence))
            query.before = page.next?.sequence
        } while query.before != nil
        #expect(pages.flatMap { $0 } == [100, 99, 98, 97, 96, 5, 4, 3, 2, 1])
        #expect(pages.contains([]), "some have nothing at all and go on nevertheless")
        #expect(pages.count < 20)
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
        try await applyMarks(marks, position: 1, to: model)
        try await model.apply(try notices.map { try notice($0.sequence, user: $0.user, type: $0.type) }, position: 60, generation: 0)

        let visible = notices.filter { $0.user == nil || $0.user == "ann" }.reversed()
        func isRead(_ sequence: UInt64) -> Bool {
            marks.contains { mark in
                guard mark.user == Fixture.ann.user else { return false }
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
