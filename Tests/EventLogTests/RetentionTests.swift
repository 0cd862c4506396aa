import Basics
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

@Suite struct DeletedSequencesTests {
    @Test func groupsAndFinds() {
        let deleted = DeletedSequences(ascending: [3, 4, 5, 9, 11, 12])
        #expect(deleted.ranges == [3...5, 9...9, 11...12] && deleted.count == 6 && deleted.isListed)
        #expect((1...13).filter { deleted.contains($0) } == [3, 4, 5, 9, 11, 12])
        #expect(deleted.mayContain(after: 11) && !deleted.mayContain(after: 12))
        #expect(deleted.mayContain(in: 6..<10) && !deleted.mayContain(in: 6..<9) && !deleted.mayContain(in: 9..<9))
        let rest = deleted.from(5)
        #expect(rest.ranges == [5...5, 9...9, 11...12] && rest.count == 4)
        #expect(deleted.from(100) == .none)
        #expect(DeletedSequences(ascending: [3, 4, 5, 9, 20]).ranges(notIn: deleted) == [20...20])
    }

    @Test func whatIsNotListedMayBeAnywhere() {
        let deleted = DeletedSequences(unlisted: 5)
        #expect(!deleted.isListed && !deleted.contains(3) && deleted.mayContain(after: 7) && deleted.mayContain(in: 1..<2))
        #expect(DeletedSequences.none.isListed && !DeletedSequences.none.mayContain(after: 0))
    }
}

@Suite struct LastDroppedTests {
    private func retention(first: UInt64 = 1, last: UInt64 = 20, _ deleted: DeletedSequences = .none) -> LogRetention {
        LogRetention(epoch: 1, firstSequence: first, lastSequence: last, deleted: deleted)
    }

    @Test func tellsTheLastPlaceThatIsGone() {
        #expect(retention().lastDropped(behind: 0) == 0)
        #expect(retention(first: 1, last: 0).lastDropped(behind: 0) == 0, "nothing was ever written")
        #expect(retention(first: 21).lastDropped(behind: 0) == 20, "nothing is kept")
        #expect(retention(first: 5).lastDropped(behind: 0) == 4)
        #expect(retention(first: 5).lastDropped(behind: 4) == 0)
        let deleted = DeletedSequences(ascending: [7, 8, 12])
        #expect(retention(first: 5, deleted).lastDropped(behind: 0) == 12)
        #expect(retention(first: 5, deleted).lastDropped(behind: 11) == 12)
        #expect(retention(first: 5, deleted).lastDropped(behind: 13) == 0)
    }

    @Test func whatIsNotListedMayBeAnywhere() {
        let unlisted = DeletedSequences(unlisted: 5)
        #expect(retention(unlisted).lastDropped(behind: 7) == 20)
        #expect(retention(unlisted).lastDropped(behind: 20) == 0)
    }
}

@Suite struct BacklogTests {
    private func delivery(_ consumerSequence: UInt64, pending: UInt64, count: UInt64 = 1) -> DeliveryMetadata {
        DeliveryMetadata(
            streamSequence: 10 * consumerSequence,
            consumerSequence: consumerSequence,
            deliveryCount: count,
            timestamp: 0,
            pending: pending
        )
    }

    @Test func countsWhatIsNeitherDeliveredNorPending() {
        let backlog = Backlog()
        let missed = [
            delivery(1, pending: 100), delivery(2, pending: 99),
            // Another process got three; two were appended.
            delivery(6, pending: 97),
            // Forty left.
            delivery(7, pending: 56),
            // One comes again.
            delivery(8, pending: 10, count: 2), delivery(9, pending: 54),
            // Another consumer of the same name.
            delivery(1, pending: 3), delivery(2, pending: 2),
        ].map { backlog.delivered($0) }
        #expect(missed == [0, 0, 0, 40, 0, 0, 0, 0])
        #expect(backlog.missed == 40)
    }

    /// The state of a stream that was purged to the highest sequence, twice.
    @Test func theSumStopsAtTheLargestNumber() {
        let backlog = Backlog()
        for number in stride(from: 1 as UInt64, through: 7, by: 2) {
            _ = backlog.delivered(delivery(number, pending: .max))
            _ = backlog.delivered(delivery(number + 1, pending: 0))
        }
        #expect(backlog.missed == .max)
    }
}

/// What the log keeps, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct RetentionTests {
    @Test func tellsWhatIsKeptAndWhatIsNot() async throws {
        let bench = try await Bench()
        #expect(try await bench.log.retention().firstSequence == 1)
        try await bench.fill(20, tenants: ["acme", "globex"])
        for sequence in [7, 8, 12] as [UInt64] { try await bench.delete(sequence) }
        #expect(try await bench.log.retention().deleted.ranges == [7...8, 12...12])
        // As many as before, but others.
        try await bench.purge(before: 8)
        try await bench.delete(15)
        let retention = try await bench.log.retention()
        // nats-server 2.9 names the place that was purged up to, also when its message was deleted before.
        #expect((8...9).contains(retention.firstSequence) && retention.lastSequence == 20)
        #expect(retention.deleted.ranges == [12...12, 15...15])
        #expect(try await bench.log.content(at: 12) == .nothing)
        #expect(try await bench.log.content(at: 13) == .event(tenant: "acme", intake: Fixture.time))
        #expect(try await bench.log.firstCursor(of: "globex", after: 11)?.sequence == 14)
        #expect(try await bench.log.firstCursor(of: "nobody", after: 0) == nil)
    }

    /// The consumer of a read silently starts later when its start has left the log.
    @Test func aReadSaysWhatLeftTheLogBeforeIt() async throws {
        let bench = try await Bench()
        try await bench.fill(40, tenants: ["acme", "globex"])
        let whole = try await bench.log.read(.events(of: "acme"), after: 0, through: 40, maxBytes: 1 << 20)
        #expect(whole.entries.count == 20 && whole.missedBefore == nil && whole.position == 40)
        try await bench.purge(before: 11)
        let part = try await bench.log.read(.events(of: "acme"), after: 3, through: 40, maxBytes: 1 << 20)
        #expect(part.entries.map(\.sequence) == stride(from: 11, through: 39, by: 2).map { UInt64($0) })
        #expect(part.missedBefore?.sequence == 11 && part.position == 40)
        let rest = try await bench.log.read(.events(of: "acme"), after: 10, through: 40, maxBytes: 1 << 20)
        #expect(rest.entries.count == 15 && rest.missedBefore == nil, "the last that left was not asked for")
        try await bench.purge(before: 41)
        let nothing = try await bench.log.read(.events(of: "acme"), after: 20, through: 40, maxBytes: 1 << 20)
        #expect(nothing.entries.isEmpty && nothing.missedBefore?.sequence == 41 && nothing.position == 40)
    }

    @Test func aFeedForgetsWhatTheLogForgets() async throws {
        let bench = try await Bench()
        try await bench.fill(20)
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.position == 20 })
            try await bench.delete(12)
            try await bench.purge(before: 6)
            #expect(await eventually { feed.tail.floor == 5 && feed.tail.count == 14 })
            // The observer is told after the tail has forgotten.
            #expect(await eventually { recorder.retention?.deleted.ranges == [12...12] })
            #expect(recorder.violations.isEmpty)
        }
    }

    /// An older copy of the store, restored and appended to: the feed notifies its observer, however far the new log reaches.
    @Test(arguments: [5, 20, 60])
    func aStoreThatWasRestoredIsAnotherLog(written: Int) async throws {
        let bench = try await Bench { $0.storage = .file }
        try await bench.fill(10)
        try await bench.server.stop()
        let copy = try TemporaryDirectory()
        try bench.server.copyStore(to: copy)
        try await bench.server.start()
        try await bench.withFeed { feed, recorder in
            _ = try await bench.log.append(contentsOf: (0..<20).map { try Fixture.event("lost-\($0)") }, intake: Fixture.time)
            #expect(await eventually { feed.position == 30 })
            try await bench.server.stop()
            try bench.server.restoreStore(from: copy)
            try await bench.server.start()
            _ = try await bench.another().append(contentsOf: (0..<written).map { try Fixture.event("new-\($0)") }, intake: Fixture.time)
            #expect(await eventually { recorder.state.withLock { $0.replacements.count } == 1 })
            #expect(await eventually { feed.isFollowing })
            #expect(recorder.violations.isEmpty)
            let stamp = LogStamp(sequence: 30, storedAt: 1)
            #expect(try await bench.log.recognises([stamp]) != true)
        }
    }
}
