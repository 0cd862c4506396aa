import Basics
import EventModel
import HTTPAPI
import Testing

@testable import approval_api

/// One tenant's share of the stream of read marks.
@Suite struct InboxShareTests {
    private func mark(_ extent: ReadMark.Extent, of tenant: Tenant = Fixture.acme, epoch: UInt16 = 7) -> ReadMark {
        ReadMark(tenant: tenant, user: Fixture.ann.user, epoch: epoch, extent: extent, readAt: Fixture.time, intake: Fixture.time)
    }

    @Test func aMarkTakesWhatTheServerStores() throws {
        let mark = mark(.one(3))
        #expect(try mark.storedBytes() == 30 + "inbox.acme.ann".utf8.count + mark.body().count)
    }

    @Test func aStreamWithoutALimitHasNoShares() {
        #expect(InboxShare(of: nil) == nil)
    }

    /// A quarter for all marks; the reserve is for those of all up to a place alone.
    @Test func aTenantHasAQuarterAndAReserve() throws {
        let share = try #require(InboxShare(of: 1 << 20))
        #expect(share.bytes == 1 << 18)
        let (one, all) = (mark(.one(3)), mark(.through(3)))
        try share.admit(one, beside: share.bytes - one.storedBytes())
        let full = try share.bytes - one.storedBytes() + 1
        let error = #expect(throws: APIError.self) { try share.admit(one, beside: full) }
        #expect(error?.code == .rateLimited)
        #expect(error?.message.contains("POST /v1/notifications/read") == true)
        #expect(error?.message.contains("\(share.bytes)") == true)
        try share.admit(all, beside: full)
        try share.admit(all, beside: share.bytes + share.reserve - all.storedBytes())
        #expect(throws: APIError.self) { try share.admit(all, beside: share.bytes + share.reserve - all.storedBytes() + 1) }
    }

    /// Each message counts, including a repeated mark, until it leaves its stream or its notification leaves the log.
    @Test func messagesAreCountedByTenant() async throws {
        let model = try ReadModel(path: ReadModelFile.memory)
        _ = try await model.followLog(Fixture.log(epoch: 7, last: .max), isRecognised: true)
        _ = try await model.follow(.inbox, life: 1, last: .max, isRecognised: true)
        let globex = Tenant(generated: "globex")
        func bytes() async throws -> [Int] { [try await model.markBytes(of: Fixture.acme), try await model.markBytes(of: globex)] }
        #expect(try await bytes() == [0, 0])
        let marks = [mark(.one(1)), mark(.one(1)), mark(.one(5), of: globex), mark(.through(6)), mark(.one(7), epoch: 6), mark(.one(8))]
        let sizes = try marks.map { try $0.storedBytes() }
        let messages = marks.enumerated().map { (place: UInt64($0 + 1), mark: $1) }
        try await model.take(messages, position: 6)
        #expect(try await bytes() == [sizes.reduce(0, +) - sizes[2], sizes[2]])
        // A redelivered message counts once.
        try await model.take([messages[5]], position: 6)
        #expect(try await bytes() == [sizes.reduce(0, +) - sizes[2], sizes[2]])
        try await model.drop(.inbox, before: 2, life: model.life(of: .inbox))
        #expect(try await bytes() == [sizes[1] + sizes[3] + sizes[4] + sizes[5], sizes[2]])
        #expect(try await model.drop(keeping: Fixture.log(from: 6), life: model.logLife))
        try await model.tidyMarks(generation: 0)
        #expect(try await bytes() == [sizes[3] + sizes[5], 0])
        // Another stream of marks.
        _ = try await model.follow(.inbox, life: 2, last: 6, isRecognised: true)
        #expect(try await bytes() == [0, 0])
    }
}
