import Basics
import EventModel
import NATSClient
import TestKit
import Testing

@testable import EventLog

/// Reading the past from a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct ReadTests {
    /// Reads to the end, as a connection does. Returns the sequences and the number of pieces.
    private static func readAll(
        _ log: EventLog,
        tenant: String,
        after: UInt64,
        through: UInt64,
        maxBytes: Int
    ) async throws -> (entries: [LogEntry], pieces: Int) {
        var position = after
        var entries: [LogEntry] = []
        var pieces = 0
        while position < through {
            let read = try await log.read(.events(of: try Tenant(tenant)), after: position, through: through, maxBytes: maxBytes)
            #expect(read.entries.allSatisfy { position < $0.sequence && $0.sequence <= read.position })
            #expect(read.position > position && read.position <= through)
            guard read.position > position else { break }
            entries += read.entries
            position = read.position
            pieces += 1
        }
        return (entries, pieces)
    }

    @Test func readsOneTenantInPieces() async throws {
        let bench = try await Bench()
        let appended = try await bench.fill(3000, tenants: ["a", "b", "c"], payloadBytes: 100)
        let expected = appended.enumerated().filter { $0.offset % 3 == 1 }.map(\.element.cursor)
        for (after, maxBytes) in [(UInt64(0), Int.max), (0, 50_000), (1500, 50_000), (2998, 1), (2990, 1)] {
            let read = try await Self.readAll(bench.log, tenant: "b", after: after, through: 3000, maxBytes: maxBytes)
            #expect(read.entries.map { $0.cursor(epoch: bench.log.epoch) } == expected.filter { $0.sequence > after })
            #expect(maxBytes == .max ? read.pieces == 1 : read.pieces > 1 || after >= 2990)
            #expect(read.entries.allSatisfy { $0.event.tenant.text == "b" && $0.intake == Fixture.time })
        }
    }

    @Test func anAnswerEndsWhereTheReaderWants() async throws {
        let bench = try await Bench()
        try await bench.fill(100, tenants: ["a", "b"])
        let read = try await bench.log.read(.events(of: Tenant("a")), after: 10, through: 50, maxBytes: .max)
        #expect(read.entries.map(\.sequence) == stride(from: 11, through: 49, by: 2).map { UInt64($0) })
        #expect(read.position == 50)
        let none = try await bench.log.read(.events(of: Tenant("nobody")), after: 0, through: 100, maxBytes: .max)
        #expect(none.entries.isEmpty)
        #expect(none.position == 100)
        let nothing = try await bench.log.read(.events(of: Tenant("a")), after: 100, through: 100, maxBytes: .max)
        #expect(nothing.position == 100)
    }

    /// A tenant's events may also be on `events.<tenant>`, which the filter for the others does not match.
    @Test func readsBothSubjectsOfATenant() async throws {
        let bench = try await Bench()
        for number in 1...40 {
            let headers: NATSHeaders = ["ce-id": "\(number)", "ce-type": "incident.created"]
            let subject = ["events.a", "events.a.incident.created", "events.a.DECISION.x", "events.aa"][number % 4]
            _ = try await bench.jetStream.publish(subject: subject, headers: headers, payload: Array(#"{"incidentId":"1"}"#.utf8))
        }
        let expected = (1...40).filter { $0 % 4 != 3 }.map { UInt64($0) }
        for maxBytes in [Int.max, 3 * LogTail.entryOverhead] {
            let read = try await Self.readAll(bench.log, tenant: "a", after: 0, through: 40, maxBytes: maxBytes)
            #expect(read.entries.map(\.sequence) == expected)
        }
        // Readers that share a read, some of which need both subjects and some only one.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<60 {
                group.addTask {
                    let (after, through) = (UInt64(reader % 40), UInt64(40 - reader % 3))
                    let maxBytes = reader % 2 == 0 ? Int.max : 3 * LogTail.entryOverhead
                    let read = try await Self.readAll(bench.log, tenant: "a", after: after, through: through, maxBytes: maxBytes)
                    #expect(read.entries.map(\.sequence) == expected.filter { $0 > after && $0 <= through })
                }
            }
            try await group.waitForAll()
        }
    }

    /// nats-server 2.9 reports no last message of a subject whose newest was deleted.
    @Test func readsTheBareSubjectAlsoWhenItsNewestEventWasDeleted() async throws {
        let bench = try await Bench()
        for number in 1...6 {
            let headers: NATSHeaders = ["ce-id": "\(number)", "ce-type": "incident.created"]
            let subject = number % 2 == 0 ? "events.a" : "events.a.incident.created"
            _ = try await bench.jetStream.publish(subject: subject, headers: headers, payload: Array(#"{"incidentId":"1"}"#.utf8))
        }
        try await bench.delete(6)
        #expect(try await bench.log.retention().deleted.count == 1)
        let read = try await bench.log.read(.events(of: "a"), after: 0, through: 6, maxBytes: .max)
        #expect(read.entries.map(\.sequence) == Array(1...5))
    }

    /// The server counts what is pending when it sends a message: an event stored afterwards belongs to a reader that asked for it.
    @Test func whoJoinsAScanLateGetsWhatWasStoredMeanwhile() async throws {
        let bench = try await Bench()
        try await bench.fill(11)
        let source = LogSource.events(of: "acme")
        let deadline = ContinuousClock.now.advanced(by: .seconds(60))
        let first = PendingRead(id: 1, source: source, after: 0, through: 11, maxBytes: .max, deadline: deadline)
        let late = PendingRead(id: 2, source: source, after: 0, through: 12, maxBytes: .max, deadline: deadline)
        let scan = StreamScan([first], filter: nil, of: bench.log)
        #expect(scan.join(late))
        async let run: Void = scan.run()
        #expect(try await sequences(of: first) == Array(1...11))
        _ = try await bench.log.append(try Fixture.event("last"), intake: Fixture.time)
        #expect(try await sequences(of: late) == Array(1...12))
        await run
    }

    private func sequences(of read: PendingRead) async throws -> [UInt64] {
        switch await read.outcome() {
        case .read(let read): return read.entries.map(\.sequence)
        case .failed(let error): throw error
        }
    }

    @Test func stepsOverHolesAndWhatIsNoEvent() async throws {
        let bench = try await Bench()
        try await bench.fill(10)
        _ = try await bench.jetStream.publish(subject: "events.acme.incident.created", payload: Array("nonsense".utf8))
        _ = try await bench.log.append(contentsOf: [try Fixture.event("last"), try Fixture.event("gone")], intake: Fixture.time)
        for sequence in [1, 5, 6, 13] {
            _ = try await bench.connection.request(
                subject: "$JS.API.STREAM.MSG.DELETE.EVENTS",
                payload: Array(#"{"seq":\#(sequence)}"#.utf8)
            )
        }
        let read = try await bench.log.read(.events(of: Tenant("acme")), after: 0, through: 13, maxBytes: .max)
        #expect(read.entries.map(\.sequence) == [2, 3, 4, 7, 8, 9, 10, 12])
        #expect(read.position == 13)
    }

    /// Mass reconnect with old cursors: each client gets exactly its own events, and the server has only a few consumers. Few tenants have their
    /// own reads, many share a scan.
    @Test(arguments: [1, 7, 25])
    func manyReadersShareReads(tenantCount: Int) async throws {
        let bench = try await Bench()
        let tenants = (0..<tenantCount).map { "tenant-\($0)" }
        try await bench.fill(7000, tenants: tenants, payloadBytes: 50)
        let advisories = Count()
        let subscription = try bench.connection.subscribe("$JS.EVENT.ADVISORY.CONSUMER.CREATED.EVENTS.*") { _ in advisories.add() }
        defer { subscription.unsubscribe() }
        try await bench.connection.flush()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in 0..<200 {
                group.addTask {
                    let index = reader % tenants.count
                    let after = UInt64(reader * 31 % 6000)
                    let read = try await Self.readAll(bench.log, tenant: tenants[index], after: after, through: 7000, maxBytes: 250_000)
                    let own = stride(from: UInt64(index) + 1, through: 7000, by: tenants.count)
                    let expected = own.filter { $0 > after }
                    #expect(read.entries.map(\.sequence) == expected)
                    #expect(read.entries.allSatisfy { $0.event.tenant.text == tenants[index] })
                }
            }
            try await group.waitForAll()
        }
        try await bench.connection.flush()
        let consumers = advisories.value
        print("200 readers of \(tenants.count) tenants: \(consumers) consumers")
        #expect(consumers > 0)
        // Without sharing there would be a consumer for each reader and piece.
        #expect(consumers < 200)
    }

    @Test func aCancelledReadEndsAtOnceAndHoldsUpNobody() async throws {
        let bench = try await Bench { $0.filteredReads = 1 }
        try await bench.fill(5000, tenants: ["a", "b"], payloadBytes: 200)
        let readers = (0..<20).map { _ in
            Task { try await bench.log.read(.events(of: Tenant("a")), after: 0, through: 5000, maxBytes: .max) }
        }
        for reader in readers.dropFirst(2) { reader.cancel() }
        var cancelled = 0
        for reader in readers {
            do {
                #expect(try await reader.value.entries.count == 2500)
            } catch let error as EventLogError {
                #expect(error.code == .cancelled)
                cancelled += 1
            }
        }
        #expect(cancelled <= 18)
        #expect(try await bench.log.read(.events(of: Tenant("b")), after: 0, through: 5000, maxBytes: .max).entries.count == 2500)
    }

    @Test func readsOnThroughAKill() async throws {
        let bench = try await Bench()
        try await bench.fill(6000, tenants: ["a", "b"], payloadBytes: 100)
        let read = Task { try await Self.readAll(bench.log, tenant: "a", after: 0, through: 6000, maxBytes: 100_000) }
        let shared = (0..<10).map { _ in
            Task { try await Self.readAll(bench.log, tenant: "b", after: 0, through: 6000, maxBytes: 500_000) }
        }
        for _ in 0..<3 {
            bench.server.kill()
            #expect(await eventually { bench.connection.state == .reconnecting })
            try await bench.server.start()
            #expect(await eventually { bench.connection.state == .connected })
        }
        #expect(try await read.value.entries.map(\.sequence) == stride(from: 1, to: 6000, by: 2).map { UInt64($0) })
        for reader in shared {
            #expect(try await reader.value.entries.map(\.sequence) == stride(from: 2, through: 6000, by: 2).map { UInt64($0) })
        }
    }

    @Test func givesUpInTimeWithARetriableError() async throws {
        let bench = try await Bench { $0.readTimeout = .milliseconds(300) }
        try await bench.fill(10)
        bench.server.kill()
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.read(.events(of: Tenant("acme")), after: 0, through: 10, maxBytes: .max)
        }
        #expect(error?.isRetriable == true)
    }

    @Test func findsThePlaceOfATime() async throws {
        let bench = try await Bench()
        #expect(try await bench.log.place(before: .now).sequence == 0)
        /// A time that is later than all stored messages, and earlier than all further ones.
        func mark() async -> Timestamp {
            let stored = Timestamp.now
            #expect(await eventually { stored < .now })
            return .now
        }
        var marks: [Timestamp] = []
        for batch in 0..<4 {
            marks.append(await mark())
            for number in 0..<5 {
                _ = try await bench.log.append(Fixture.event("e-\(batch)-\(number)"), intake: Fixture.time, timeout: .seconds(60))
            }
        }
        marks.append(await mark())
        func places() async throws -> [UInt64] {
            var places: [UInt64] = []
            for mark in marks { places.append(try await bench.log.place(before: mark).sequence) }
            return places
        }
        #expect(try await places() == [0, 5, 10, 15, 20])
        for sequence in [5, 6, 7, 20] as [UInt64] { try await bench.delete(sequence) }
        #expect(try await places() == [0, 4, 10, 15, 19], "behind the last message that is earlier and still there")
        try await bench.purge(before: 12)
        #expect(try await places() == [11, 11, 11, 15, 19])
        let place = try await bench.log.place(before: marks[3])
        #expect(place.epoch == bench.log.epoch && place.time == Fixture.time, "that of the message there")
        withExtendedLifetime(bench) {}
    }

    @Test func boundsTellWhatIsKept() async throws {
        let bench = try await Bench()
        let epoch = bench.log.epoch
        #expect(try await bench.log.bounds() == LogBounds(firstSequence: 1, lastSequence: 0, epoch: epoch, firstCursor: nil))
        try await bench.fill(10)
        let whole = try await bench.log.bounds()
        #expect(whole.firstSequence == 1 && whole.lastSequence == 10)
        #expect(whole.firstCursor?.text == Cursor(time: Fixture.time, epoch: epoch, sequence: 1).text)
        _ = try await bench.connection.request(subject: "$JS.API.STREAM.PURGE.EVENTS", payload: Array(#"{"seq":7}"#.utf8))
        let part = try await bench.log.bounds()
        #expect(part.firstSequence == 7 && part.lastSequence == 10)
        #expect(part.firstCursor?.text == Cursor(time: Fixture.time, epoch: epoch, sequence: 7).text)
        _ = try await bench.connection.request(subject: "$JS.API.STREAM.PURGE.EVENTS")
        let empty = try await bench.log.bounds()
        #expect(empty.firstSequence == 11 && empty.lastSequence == 10)
        #expect(empty.firstCursor == Cursor(time: Fixture.time, epoch: epoch, sequence: 11))
        // Every process sees the same.
        #expect(try await bench.another().bounds() == empty)
    }
}
