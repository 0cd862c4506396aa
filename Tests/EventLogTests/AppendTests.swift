import Basics
import EventModel
import Foundation
import NATSClient
import Synchronization
import TestKit
import Testing

@testable import EventLog

/// Appending against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct AppendTests {
    @Test func storesAnEventAsACloudEvent() async throws {
        let bench = try await Bench()
        let event = Event(
            id: "ä ö%",
            tenant: Tenant("acme inc."),
            type: try EventType("notification.created"),
            user: "ann",
            time: Timestamp(millisecondsSinceEpoch: 1_712_000_000_000),
            source: "/tests",
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            payload: try Payload(validating: Array(#"{ "id" : "1",  "n": 1.10 }"#.utf8))
        )
        let appended = try await bench.log.append(event, intake: Fixture.time)
        #expect(appended == Appended(cursor: Cursor(time: Fixture.time, epoch: bench.log.epoch, sequence: 1), isDuplicate: false))
        #expect(appended.cursor.time == Fixture.time)
        let stored = try await bench.jetStream.message(stream: "EVENTS", sequence: 1)
        #expect(stored.subject == "events.acme=20inc=2E.notification.created")
        #expect(stored.payload == Array(#"{ "id" : "1",  "n": 1.10 }"#.utf8))
        let headers = Dictionary(uniqueKeysWithValues: stored.headers.fields.map { ($0.name, $0.value) })
        #expect(
            headers == [
                // The same in a shell: printf '5:event9:acme inc.6:/tests6:ä ö%%' | sha256sum | cut -c -40
                "Nats-Msg-Id": "ea40a37cd90ab446d724b8864b16f119a29296b0",
                "ce-specversion": "1.0", "ce-id": "%C3%A4%20%C3%B6%25", "ce-type": "notification.created", "ce-source": "/tests",
                "ce-time": "2024-04-01T19:33:20.000Z", "ce-userid": "ann",
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "causeway-intake": "1700000000000",
            ]
        )
        try await bench.withFeed { _, recorder in
            #expect(await eventually { recorder.count == 1 })
            #expect(recorder.state.withLock { $0.entries.first?.event } == event)
            #expect(recorder.state.withLock { $0.entries.first?.intake } == Fixture.time)
        }
    }

    /// Behind what is in flight, other tenants' events wait.
    @Test func aBatchIsSentInPieces() async throws {
        func windows(_ sizes: [Int]) throws -> [Int] {
            let events = try sizes.enumerated().map { number, size in
                try Fixture.event("\(number)", payload: #"{"x":"\#(String(repeating: "x", count: size - 8))"}"#)
            }
            let windows = EventLog.windows(of: events)
            #expect(windows.flatMap { $0 } == events)
            return windows.map(\.count)
        }
        #expect(try windows([]) == [])
        #expect(try windows(Array(repeating: 8, count: 600)) == [250, 250, 100])
        #expect(try windows(Array(repeating: 100_000, count: 5)) == [2, 2, 1])
        #expect(try windows(Array(repeating: EventLog.windowBytes / 4, count: 4) + [100]) == [4, 1])
        #expect(Payload.maximumBytes <= EventLog.windowBytes)
    }

    /// What is on the way from the log to every process is bounded by the pace at which a tenant's batches go there.
    @Test func batchesOfATenantShareItsPace() async throws {
        let bench = try await Bench()
        let batches = try (0..<2).map { batch in
            try (0..<12).map { try Fixture.event("\(batch)-\($0)", payload: #"{"x":"\#(String(repeating: "x", count: 200_000))"}"#) }
        }
        let begin = ContinuousClock.now
        async let first = bench.log.append(contentsOf: batches[0], intake: Fixture.time)
        async let second = bench.log.append(contentsOf: batches[1], intake: Fixture.time)
        let sequences = try await [first, second].map { $0.map(\.cursor.sequence) }
        #expect(sequences.allSatisfy { $0 == $0.sorted() })
        #expect(sequences.joined().sorted() == Array(1...24))
        #expect(ContinuousClock.now - begin > .seconds(23.0 * 200_000 / Double(EventLog.bytesPerSecond)))
    }

    /// The record of a request for approval is as large as its event, and a second piece of the tenant's.
    @Test func recordsOfRequestsShareItsPaceToo() async throws {
        let bench = try await Bench()
        let filler = String(repeating: "x", count: 200_000)
        let requests = try (0..<40).map { number in
            let payload = #"{"approvalId":"apr_\#(number)","remediationId":"r","x":"\#(filler)"}"#
            return try Fixture.event("\(number)", type: "approval.requested", payload: payload)
        }
        // What is done for the first time takes longer.
        let small = #"{"approvalId":"apr","remediationId":"r"}"#
        _ = try await bench.log.append(try Fixture.event("small", type: "approval.requested", payload: small), intake: Fixture.time)
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for request in requests { group.addTask { _ = try await bench.log.append(request, intake: Fixture.time) } }
            try await group.waitForAll()
        }
        #expect(ContinuousClock.now - begin > .seconds(79.0 * 200_000 / Double(EventLog.bytesPerSecond)))
    }

    @Test func aRepetitionGetsTheFirstCursor() async throws {
        let bench = try await Bench()
        let first = try await bench.log.append(try Fixture.event("same"), intake: Fixture.time)
        try await bench.fill(3)
        let later = Timestamp(millisecondsSinceEpoch: Fixture.time.millisecondsSinceEpoch + 60_000)
        // By another process, after the server was killed: the log itself detects duplicates.
        bench.server.kill()
        try await bench.server.start()
        let other = try await bench.another()
        let second = try await other.append(try Fixture.event("same"), intake: later)
        #expect(!first.isDuplicate)
        #expect(second.isDuplicate)
        #expect(second.cursor.text == first.cursor.text)
        #expect(try await other.bounds().lastSequence == 4)
    }

    @Test func tenantsMayUseTheSameID() async throws {
        let bench = try await Bench()
        // Tenants and ids that would collide if the key were a plain concatenation.
        let pairs = [
            ("a", "b.c"), ("a.b", "c"), ("a", "b"), ("b", "b"), ("a=2E", "b.c"), ("a", " b"), ("a", "b "), ("A", "b"), ("a b", "c"),
            ("a", "b c"),
        ]
        let events = try pairs.map { try Fixture.event($0.1, tenant: $0.0) }
        let first = try await bench.log.append(contentsOf: events, intake: Fixture.time)
        #expect(first.map(\.isDuplicate) == Array(repeating: false, count: pairs.count))
        #expect(first.map(\.cursor.sequence) == (1...UInt64(pairs.count)).map { $0 })
        let again = try await bench.log.append(contentsOf: events, intake: Fixture.time)
        #expect(again.map(\.isDuplicate) == Array(repeating: true, count: pairs.count))
        #expect(again.map(\.cursor.text) == first.map(\.cursor.text))
    }

    @Test func aBatchKeepsItsOrderAndSaysWhatItHadAlready() async throws {
        let bench = try await Bench()
        _ = try await bench.log.append(try Fixture.event("e-500"), intake: Fixture.time)
        let events = try (0..<2500).map { try Fixture.event("e-\($0)", tenant: "t\($0 % 3)") } + [try Fixture.event("e-500")]
        let appended = try await bench.log.append(contentsOf: events, intake: Fixture.time, timeout: .seconds(30))
        #expect(appended.count == 2501)
        #expect(appended.dropLast().map(\.cursor.sequence) == (2...2501).map { UInt64($0) })
        #expect(appended.last?.cursor.sequence == 1)
        #expect(appended.map(\.isDuplicate) == Array(repeating: false, count: 2500) + [true])
        #expect(try await bench.log.append(contentsOf: [], intake: Fixture.time).isEmpty)
    }

    @Test func waitsForAServerThatComesBack() async throws {
        let bench = try await Bench()
        try await bench.fill(1)
        bench.server.kill()
        async let appended = bench.log.append(try Fixture.event("patient"), intake: Fixture.time, timeout: .seconds(30))
        #expect(await eventually { bench.connection.state == .reconnecting })
        try await bench.server.start()
        #expect(try await appended.cursor.sequence == 2)
    }

    @Test func givesUpInTimeWithARetriableError() async throws {
        let bench = try await Bench()
        bench.server.kill()
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.append(try Fixture.event("lost"), intake: Fixture.time, timeout: .milliseconds(300))
        }
        #expect(error?.isRetriable == true)
        #expect(error?.code == .unavailable || error?.code == .timeout)
    }

    @Test func aCancelledAppendEndsAtOnce() async throws {
        let bench = try await Bench()
        bench.server.freeze()
        defer { bench.server.thaw() }
        let append = Task { try await bench.log.append(try Fixture.event("cancelled"), intake: Fixture.time, timeout: .seconds(60)) }
        let begun = ContinuousClock.now
        append.cancel()
        let error = await #expect(throws: EventLogError.self) { try await append.value }
        #expect(error?.code == .cancelled)
        #expect(ContinuousClock.now - begun < .seconds(10))
    }

    @Test func refusesWhatTheServerDoesNotTake() async throws {
        let server = try await NATSServer(.init(configuration: "max_payload: 2048"))
        let log = try await EventLog.open(on: try await Bench.connect(to: server), configuration: Bench.configuration, logger: Bench.logger)
        let filler = String(repeating: "x", count: 4096)
        let error = await #expect(throws: EventLogError.self) {
            try await log.append(
                try Fixture.event("large", payload: #"{"incidentId":"\#(filler.prefix(200))","f":"\#(filler)"}"#),
                intake: Fixture.time
            )
        }
        #expect(error?.code == .tooLarge)
        #expect(error?.isRetriable == false)
        #expect(try await log.append(try Fixture.event("small"), intake: Fixture.time).cursor.sequence == 1)
    }

    /// A clustered nats-server 2.9 has reported another creation time for the same stream.
    @Test func keepsTheEpochOfALogThatItRecognises() async throws {
        let bench = try await Bench()
        try await bench.fill(10)
        let epoch = try await bench.log.bounds().epoch
        let told = try await bench.connection.request(subject: "$JS.API.STREAM.INFO.EVENTS").payload
        var object = try #require(try JSONSerialization.jsonObject(with: Data(told)) as? [String: Any])
        object["created"] = "2026-01-02T03:04:05.6Z"
        let info = try JSONDecoder().decode(StreamInfo.self, from: JSONSerialization.data(withJSONObject: object))
        #expect(try await bench.log.renew(info) == epoch)
        #expect(bench.log.epoch == epoch)
        try await bench.jetStream.deleteStream("EVENTS")
        let other = try await bench.another()
        for number in 0..<12 { _ = try await other.append(try Fixture.event("other \(number)"), intake: Fixture.time) }
        #expect(try await bench.log.bounds().epoch == other.epoch)
        #expect(other.epoch != epoch, "messages at the same places are of other times")
    }

    /// A producer without a feed detects that the log was recreated, and returns cursors of the new one.
    @Test func noticesThatTheLogWasReplaced() async throws {
        let bench = try await Bench()
        try await bench.fill(10)
        let configuration = try await bench.jetStream.streamInfo("EVENTS").configuration
        try await bench.jetStream.deleteStream("EVENTS")
        _ = try await bench.jetStream.createStream(configuration)
        let other = try await bench.another()
        #expect(other.epoch != bench.log.epoch)
        let appended = try await bench.log.append(try Fixture.event("first of the new log"), intake: Fixture.time)
        #expect(appended.cursor == Cursor(time: Fixture.time, epoch: other.epoch, sequence: 1))
        // And recreates it when it is absent.
        try await bench.jetStream.deleteStream("EVENTS")
        let again = try await bench.log.append(try Fixture.event("first of the third log"), intake: Fixture.time, timeout: .seconds(20))
        #expect(again.cursor.sequence == 1)
        #expect(again.cursor.epoch == bench.log.epoch)
        #expect(again.cursor.epoch != other.epoch)
    }
}
