import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

private typealias Fixture = DeliveryFixture

@Suite("Endpoint table") struct EndpointTableTests {
    /// A message of the stream that holds an endpoint.
    private func change(_ endpoint: Endpoint, revision: UInt64) throws -> EndpointStore.Change {
        let subject = "webhooks.\(SubjectToken.encode(endpoint.tenant)).\(endpoint.id.slot)"
        return try #require(EndpointStore.change(subject: subject, body: EndpointRecord.endpoint(endpoint).json, revision: revision))
    }

    private func add(_ slot: Int, revision: UInt64, to table: EndpointTable) throws -> TrackedEndpoint {
        try add(try Fixture.stored(slot: slot).endpoint, revision: revision, to: table).row
    }

    private func add(_ endpoint: Endpoint, revision: UInt64, to table: EndpointTable) throws
        -> (row: TrackedEndpoint, stored: EndpointStore.Stored)
    {
        guard case .added(let row, let stored) = table.apply(try change(endpoint, revision: revision)).effect else {
            throw TestKitError("a new endpoint is added")
        }
        row.update(stored, me: MemberID(text: "me"))
        return (row, stored)
    }

    /// The dispatcher evaluates an endpoint that waits once a second and with each event.
    @Test func aSlowEndpointWaitsOnce() throws {
        let table = EndpointTable()
        let rows = try (0..<2).map { try add($0, revision: UInt64($0) + 1, to: table) }
        let group = rows[0].group
        for _ in 0..<3 { for row in rows { group.waitAsSlow(row) } }
        #expect(group.slowWaiting.count == 2)
        #expect(group.nextSlow() === rows[0])
        group.waitAsSlow(rows[0])
        #expect(group.nextSlow() === rows[1])
        #expect(group.nextSlow() === rows[0])
        #expect(group.nextSlow() == nil)
    }

    /// Each attempt that has no place lets its endpoint wait again, in a queue that only another's attempts empty.
    @Test func aQueueHoldsAnEndpointOnce() throws {
        let table = EndpointTable()
        let rows = try (0..<3).map { try add($0, revision: UInt64($0) + 1, to: table) }
        var queue = EndpointQueue()
        for _ in 0..<1000 { for row in rows { queue.append(row) } }
        #expect(queue.count == 3 && queue.first === rows[0])
        queue.remove(rows[1])
        queue.remove(rows[1])
        let first = queue.popFirst()
        queue.append(rows[0])
        #expect(first === rows[0] && queue.count == 2)
        let rest = [queue.popFirst(), queue.popFirst(), queue.popFirst()]
        #expect(rest[0] === rows[2] && rest[1] === rows[0] && rest[2] == nil)
    }

    /// A replay may begin at the stored cursor, behind which the log was read already.
    @Test func aReplayFromTheStoredCursorIsReadAgain() throws {
        let table = EndpointTable()
        var stored = try Fixture.stored(slot: 3)
        let row = try add(3, revision: 1, to: table)
        let cursor = stored.endpoint.cursor
        row.noteRead(through: cursor.sequence + 10)
        stored.endpoint.setBack(behind: cursor, at: Fixture.time)
        #expect(stored.endpoint.cursor == cursor)
        #expect(row.update(stored, me: MemberID(text: "me")))
        #expect(row.readThrough == cursor.sequence)
        row.noteRead(through: cursor.sequence + 10)
        #expect(!row.update(stored, me: MemberID(text: "me")), "the same replay")
        #expect(row.readThrough == cursor.sequence + 10)
    }

    /// The stream of the records may have been cut: what it holds now counts.
    @Test func aReadingOfAllRecordsTakesLowerRevisions() throws {
        let table = EndpointTable()
        var endpoint = try Fixture.stored(slot: 3).endpoint
        let (row, _) = try add(endpoint, revision: 9, to: table)
        endpoint.cursor = Fixture.cursor(4)
        _ = table.endReading()
        guard case .none = table.apply(try change(endpoint, revision: 5)).effect else {
            throw TestKitError("an older record is passed over")
        }
        table.beginReading()
        guard case .changed(let changed, let stored) = table.apply(try change(endpoint, revision: 5)).effect else {
            throw TestKitError("it is the present one now")
        }
        #expect(changed === row && stored.revision == 5)
        #expect(table.endReading().isEmpty)
    }

    /// What a driver knows is of the same revision in a stream that was cut and written on; its own writes are newer than what the reading finds.
    @Test func aReadingComparesWhatIsDriven() throws {
        let table = EndpointTable()
        var endpoint = try Fixture.stored(slot: 3).endpoint
        let (row, first) = try add(endpoint, revision: 9, to: table)
        row.begin(EndpointDrive(first, at: MonotonicInstant(nanoseconds: 0)))
        table.beginReading()
        guard case .none = table.apply(try change(endpoint, revision: 9)).effect else { throw TestKitError("it is known") }
        var changed = endpoint
        changed.cursor = Fixture.cursor(4)
        guard case .doubtful = table.apply(try change(changed, revision: 9)).effect else { throw TestKitError("another record") }
        // A write of this process, acknowledged while the reading goes on.
        endpoint.cursor = Fixture.cursor(6)
        row.update(EndpointStore.Stored(endpoint: endpoint, revision: 10), me: MemberID(text: "me"))
        guard case .none = table.apply(try change(changed, revision: 9)).effect else { throw TestKitError("the write is newer") }
        // A deletion that the cut has brought back.
        row.isStoring = true
        let subject = "webhooks.acme.3"
        let tombstone = EndpointRecord.deleted(endpoint.id, at: Fixture.time)
        let deletion = try #require(EndpointStore.change(subject: subject, body: tombstone.json, revision: 5))
        guard case .none = table.apply(deletion).effect else { throw TestKitError("it waits") }
        _ = table.endReading()
        row.isStoring = false
        let deferred = try #require(row.deferred)
        guard case .doubtful(let doubtful, _) = table.apply(deferred.change, isRead: deferred.isRead).effect else {
            throw TestKitError("the leader says whether it is deleted")
        }
        #expect(doubtful === row)
        row.endDrive()
        #expect(table.apply(deferred.change, isRead: deferred.isRead).gone === row)
    }

    @Test func aSlotsFormerEndpointIsGone() throws {
        let table = EndpointTable()
        let row = try add(3, revision: 1, to: table)
        _ = try add(4, revision: 2, to: table)
        let group = row.group
        group.waitAsSlow(row)
        group.hungry.insert(row)
        let (gone, effect) = table.apply(try change(try Fixture.stored(slot: 3).endpoint, revision: 3))
        guard case .added(let next, _) = effect else { throw TestKitError("a new endpoint is added") }
        #expect(gone === row && row.isRemoved && !next.isRemoved)
        #expect(group.rows[3] === next && group.rows.count == 2)
        #expect(group.hungry.isEmpty && group.nextSlow() == nil)
    }
}
