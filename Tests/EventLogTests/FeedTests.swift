import Basics
import EventLog
import EventModel
import Logging
import NATSClient
import Synchronization
import TestKit
import Testing

/// The acknowledged events of several producers.
private final class Production: Sendable {
    let isOver = Atomic<Bool>(false)
    /// Producers pause at this many acknowledged events, so that the log does not outgrow a slow machine.
    let allowance = Atomic<Int>(0)
    let acknowledged = Mutex<[String: Cursor]>([:])

    var count: Int { acknowledged.withLock { $0.count } }
    var mayGoOn: Bool { count < allowance.load(ordering: .relaxed) || isOver.load(ordering: .relaxed) }
}

/// Records at each entry the feed's number of remaining entries.
private final class PendingWitness: LogObserver {
    let feed = Mutex<LogFeed?>(nil)
    let seen = Mutex<[UInt64]>([])

    func logAppended(_ entry: LogEntry) {
        let pending = feed.withLock { $0?.statistics.pending } ?? 0
        seen.withLock { $0.append(pending) }
    }

    func logAdvanced(to sequence: UInt64, time: Timestamp?) {}
    func logReplaced(epoch: UInt16, position: UInt64) {}
}

/// Accepts as many entries as it is allowed to, and never blocks in a call.
private final class FullObserver: LogObserver {
    let allowance = Atomic<Int>(0)
    let taken = Mutex<[UInt64]>([])

    var hasRoom: Bool { taken.withLock { $0.count } < allowance.load(ordering: .relaxed) }
    func logAppended(_ entry: LogEntry) { taken.withLock { $0.append(entry.sequence) } }
    func logAdvanced(to sequence: UInt64, time: Timestamp?) {}
    func logReplaced(epoch: UInt16, position: UInt64) {}
}

/// The feed against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct FeedTests {
    @Test func doesNotReadForAnObserverWithoutRoom() async throws {
        let bench = try await Bench()
        _ = try await bench.fill(100, tenants: ["a"])
        let observer = FullObserver()
        let feed = LogFeed(log: bench.log, after: 0, observer: observer, logger: Bench.logger)
        let run = Task { try await feed.run() }
        for allowance in [1, 30, 31, 100] {
            observer.allowance.store(allowance, ordering: .relaxed)
            #expect(await eventually { observer.taken.withLock { $0.count } == allowance })
            // Backpressure blocks no bus thread: other deliveries arrive.
            #expect(try await bench.log.bounds().lastSequence == 100)
        }
        observer.allowance.store(.max, ordering: .relaxed)
        #expect(await eventually { feed.isFollowing })
        #expect(observer.taken.withLock { $0 } == Array(1...100))
        #expect(feed.statistics.missed == 0 && feed.statistics.replacements == 0)
        run.cancel()
        try await run.value
    }

    @Test func tellsEverythingInOrderAndFillsTheTail() async throws {
        let bench = try await Bench()
        let before = try await bench.fill(50, tenants: ["a", "b"])
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            #expect(recorder.count == 50)
            var cursors = before.map(\.cursor)
            for index in 0..<50 {
                cursors.append(try await bench.log.append(try Fixture.event("live-\(index)", tenant: "b"), intake: Fixture.time).cursor)
            }
            #expect(await eventually { recorder.count == 100 })
            #expect(recorder.state.withLock { state in state.entries.map { $0.cursor(epoch: state.epoch) } } == cursors)
            #expect(recorder.violations == [])
            #expect(feed.position == 100)
            guard case .entries(let entries, let through) = feed.tail.read(tenant: Tenant("b"), after: 0, maxBytes: .max) else {
                Issue.record("everything is in the tail")
                return
            }
            #expect(entries.count == 75)
            #expect(through == 100)
            #expect(feed.statistics.entries == 100)
        }
    }

    @Test func knowsHowManyMessagesAreStillToCome() async throws {
        let bench = try await Bench()
        try await bench.fill(50)
        let witness = PendingWitness()
        let feed = LogFeed(log: bench.log, tailBytes: 1 << 20, observer: witness, logger: Logger(label: "test"))
        witness.feed.withLock { $0 = feed }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await feed.run() }
            #expect(await eventually { witness.seen.withLock { $0.count } == 50 })
            group.cancelAll()
            try await group.waitForAll()
        }
        witness.feed.withLock { $0 = nil }
        #expect(witness.seen.withLock { $0 } == (0..<50).reversed())
    }

    @Test func beginsNearTheEndOfALongLog() async throws {
        let bench = try await Bench()
        try await bench.fill(2000, payloadBytes: 500)
        try await bench.withFeed(tailBytes: 100_000) { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            let first = try #require(recorder.sequences.first)
            #expect(first > 1500)
            #expect(recorder.sequences == Array(first...2000))
            #expect(feed.tail.floor >= first - 1)
            #expect(feed.tail.position == 2000)
            #expect(feed.tail.byteCount <= 100_000)
        }
    }

    /// The server is killed again and again while events are appended, and a second server process takes its place.
    /// Every acknowledged event is reported exactly once, in order.
    @Test func losesNothingAndDoublesNothingOverKills() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            let production = Production()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for producer in 0..<4 {
                    group.addTask {
                        var number = 0
                        while await eventually(timeout: .seconds(60), { production.mayGoOn }), !production.isOver.load(ordering: .relaxed) {
                            let events = try (0..<(producer == 0 ? 200 : 1)).map { offset in
                                try Fixture.event("p\(producer)-\(number + offset)", tenant: "t\(producer % 2)")
                            }
                            number += events.count
                            let appended = try await bench.log.append(contentsOf: events, intake: Fixture.time, timeout: .seconds(60))
                            production.acknowledged.withLock { acknowledged in
                                for (event, answer) in zip(events, appended) { acknowledged[event.id.text] = answer.cursor }
                            }
                        }
                    }
                }
                for round in 1...6 {
                    // Killed in the middle of their quota, so that appends are in flight then and after.
                    let count = production.count
                    production.allowance.store(count + 1000, ordering: .relaxed)
                    #expect(await eventually(timeout: .seconds(30)) { production.count > count + 500 && feed.isFollowing })
                    bench.server.kill()
                    #expect(await eventually { !feed.isFollowing })
                    try await bench.server.start()
                    #expect(await eventually(timeout: .seconds(20)) { feed.isFollowing }, "round \(round)")
                }
                production.isOver.store(true, ordering: .relaxed)
                try await group.waitForAll()
            }
            let expected = production.acknowledged.withLock { $0 }
            let end = try #require(expected.values.max())
            #expect(await eventually(timeout: .seconds(20)) { recorder.position >= end.sequence })
            #expect(recorder.violations == [])
            let told = recorder.state.withLock { $0.entries }
            #expect(Set(told.map(\.event.id)).count == told.count)
            let byID = Dictionary(uniqueKeysWithValues: told.map { ($0.event.id.text, $0.cursor(epoch: bench.log.epoch)) })
            #expect(expected.allSatisfy { byID[$0.key] == $0.value })
            #expect(expected.count > 1000)
            // Of each producer, the order of its appends is the order of the log.
            for producer in 0..<4 {
                let numbers = told.map(\.event.id.text).filter { $0.hasPrefix("p\(producer)-") }.compactMap { Int($0.dropFirst(3)) }
                #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 }, "producer \(producer)")
                #expect(numbers.count == (numbers.last ?? -1) + 1)
            }
            #expect(feed.statistics.consumers >= 7)
            #expect(feed.statistics.replacements == 0)
        }
    }

    @Test func knowsThatAFrozenServerIsAway() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            bench.server.freeze()
            #expect(await eventually { !feed.isFollowing })
            bench.server.thaw()
            #expect(await eventually(timeout: .seconds(20)) { feed.isFollowing })
            try await bench.fill(3)
            #expect(await eventually { recorder.sequences == [1, 2, 3] })
        }
    }

    @Test func skipsWhatIsNoEvent() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            let rejects: [(subject: String, headers: NATSHeaders, body: String)] = [
                ("events.acme.incident.created", [:], "no JSON"),
                ("events.acme.incident.created", [:], "[1]"),
                ("events.acme.incident.created", [:], ""),
                ("events.acme.incident.created", [:], "{}"),
                ("events.acme.Incident", [:], "{}"),
                ("events.acme", [:], "{}"),
                ("events.acme.stream.gap", [:], "{}"),
                ("events.ac=me.incident.created", [:], #"{"incidentId":"1"}"#),
                ("events.acme.incident.created", ["ce-specversion": "0.3"], #"{"incidentId":"1"}"#),
                ("events.acme.incident.created", ["ce-type": "incident.closed"], #"{"incidentId":"1"}"#),
                ("events.acme.incident.created", ["ce-userid": "a\u{7f}b"], #"{"incidentId":"1"}"#),
                // One user or the other, or all: ambiguous, so rejected.
                ("events.acme.incident.created", ["CE-UserID": "ann", "ce-userid": "bob"], #"{"incidentId":"1"}"#),
                ("events.acme.incident.created", ["ce-userid": "ann", "Ce-Userid": ""], #"{"incidentId":"1"}"#),
                // Messages that resemble the server's own heartbeat or end-of-stream status.
                ("events.acme.incident.created", ["Status": "100", "Nats-Last-Consumer": "999", "Nats-Last-Stream": "99999"], ""),
                ("events.acme.incident.created", ["Status": "409"], ""),
                ("executions.acme.agents.triage", [:], #"{"step":1}"#),
            ]
            for message in rejects {
                _ = try await bench.jetStream.publish(subject: message.subject, headers: message.headers, payload: Array(message.body.utf8))
            }
            let accepted: [(subject: String, headers: NATSHeaders, id: String)] = [
                ("events.acme.incident.created", [:], "\(rejects.count + 1)"),
                ("events.acme", ["ce-type": "incident.created", "ce-id": "named"], "named"),
                ("events.acme.DECISION.a1", ["ce-type": "incident.created", "ce-id": "decision"], "decision"),
                ("events.acme.incident.created", ["CE-ID": "private", "CE-USERID": "ann"], "private"),
                ("events.acme.incident.created", ["ce-id": "said-twice", "ce-userid": "ann", "Ce-UserId": "ann"], "said-twice"),
                ("events.a=2Ecme.incident.created", ["ce-id": "with%20space"], "with space"),
            ]
            for message in accepted {
                _ = try await bench.jetStream.publish(
                    subject: message.subject,
                    headers: message.headers,
                    payload: Array(#"{"incidentId":"1"}"#.utf8)
                )
            }
            let last = UInt64(rejects.count + accepted.count)
            #expect(await eventually { feed.position == last })
            #expect(recorder.ids == accepted.map(\.id))
            let told = recorder.state.withLock { $0.entries.map(\.event) }
            #expect(told.last?.tenant.text == "a.cme")
            #expect(told.compactMap { event in event.user.map { "\(event.id): \($0)" } } == ["private: ann", "said-twice: ann"])
            // What is read from the log again is read the same way.
            let again = try await bench.log.read(.events(of: Tenant("acme")), after: 0, through: last, maxBytes: 1 << 20)
            #expect(again.entries.map(\.event) == told.filter { $0.tenant.text == "acme" })
            #expect(recorder.violations == [])
            #expect(feed.tail.position == last)
            // The execution is skipped, which is not an error.
            #expect(feed.statistics.skipped.values.reduce(0, +) == UInt64(rejects.count - 1))
            #expect(feed.statistics.entries == UInt64(accepted.count))
        }
    }

    @Test func aMessageWithoutHeadersGetsItsTimesFromTheLog() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            let ack = try await bench.jetStream.publish(
                subject: "events.acme.incident.created",
                payload: Array(#"{"incidentId":"1"}"#.utf8)
            )
            #expect(await eventually { recorder.count == 1 })
            let stored = try await bench.jetStream.message(stream: "EVENTS", sequence: ack.sequence)
            let entry = try #require(recorder.state.withLock { $0.entries.first })
            #expect(entry.intake.millisecondsSinceEpoch == Int64(stored.timestamp / 1_000_000))
            #expect(entry.event.time == entry.intake)
        }
    }

    @Test func goesOnWithALogThatWasDeletedAndMadeAnew() async throws {
        let bench = try await Bench()
        let old = bench.log.epoch
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            try await bench.fill(20)
            #expect(await eventually { recorder.count == 20 })
            try await bench.jetStream.deleteStream("EVENTS")
            // Only the feed recreates it.
            #expect(await eventually(timeout: .seconds(20)) { recorder.state.withLock { $0.replacements.count } == 1 })
            let replacement = try #require(recorder.state.withLock { $0.replacements.first })
            #expect(replacement.position == 0)
            #expect(replacement.epoch != old)
            #expect(bench.log.epoch == replacement.epoch)
            #expect(await eventually { feed.isFollowing })
            #expect(feed.position == 0)
            #expect(feed.tail.count == 0)
            let appended = try await bench.log.append(try Fixture.event("new"), intake: Fixture.time)
            #expect(appended.cursor.epoch == replacement.epoch)
            #expect(appended.cursor.sequence == 1)
            #expect(await eventually { recorder.ids.last == "new" })
        }
    }

    /// The stream is recreated between two checks, so that the feed finds another, longer one.
    @Test func goesOnAtTheEndOfAnotherLog() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            try await bench.fill(5)
            #expect(await eventually { recorder.count == 5 })
            let configuration = try await bench.jetStream.streamInfo("EVENTS").configuration
            try await bench.jetStream.deleteStream("EVENTS")
            _ = try await bench.jetStream.createStream(configuration)
            let other = try await bench.another()
            let events = try (0..<30).map { try Fixture.event("other-\($0)") }
            _ = try await other.append(contentsOf: events, intake: Fixture.time)
            #expect(await eventually(timeout: .seconds(20)) { recorder.state.withLock { $0.replacements.count } == 1 && feed.isFollowing })
            #expect(recorder.state.withLock { $0.epoch } == other.epoch)
            _ = try await other.append(try Fixture.event("live"), intake: Fixture.time)
            #expect(await eventually { recorder.ids.last == "live" })
            #expect(recorder.sequences.last == 31)
            #expect(recorder.violations == [])
        }
    }

    @Test func aPurgeTakesNothingFromWhoHasReadItAll() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            try await bench.fill(10)
            #expect(await eventually { recorder.count == 10 })
            _ = try await bench.connection.request(subject: "$JS.API.STREAM.PURGE.EVENTS")
            bench.server.kill()
            try await bench.server.start()
            #expect(await eventually(timeout: .seconds(20)) { feed.isFollowing && feed.statistics.consumers == 2 })
            _ = try await bench.log.append(try Fixture.event("after"), intake: Fixture.time)
            #expect(await eventually { recorder.sequences == Array(1...11) })
            #expect(feed.statistics.replacements == 0)
        }
    }

    /// The log drops what was not read yet while the consumer lives: the next delivery jumps.
    @Test func whatIsDroppedBeforeALiveConsumerIsTold() async throws {
        let bench = try await Bench()
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            try await bench.fill(10)
            #expect(await eventually { recorder.count == 10 })
            // To the feed it looks the same whether anything was stored at 11 to 20.
            try await bench.purge(before: 21)
            _ = try await bench.log.append(try Fixture.event("after"), intake: Fixture.time)
            #expect(await eventually { feed.statistics.replacements == 1 && feed.isFollowing })
            #expect(feed.statistics.missed > 0 && recorder.sequences == Array(1...10) + [21])
            _ = try await bench.log.append(try Fixture.event("live"), intake: Fixture.time)
            #expect(await eventually { recorder.ids.last == "live" })
            #expect(feed.statistics.replacements == 1 && recorder.violations == [])
        }
    }

    /// A feed that starts on an emptied log, or one whose last messages are not events, reaches the log's end.
    @Test func standsAtTheEndOfAQuietLog() async throws {
        let bench = try await Bench()
        try await bench.fill(10)
        _ = try await bench.jetStream.publish(subject: "executions.acme.agents.triage", payload: Array("{}".utf8))
        _ = try await bench.connection.request(subject: "$JS.API.STREAM.MSG.DELETE.EVENTS", payload: Array(#"{"seq":11}"#.utf8))
        try await bench.withFeed { feed, _ in
            // The last message is deleted, so only the server's heartbeat shows that nothing follows.
            #expect(await eventually { feed.isFollowing && feed.position == 11 })
        }
        _ = try await bench.connection.request(subject: "$JS.API.STREAM.PURGE.EVENTS")
        try await bench.withFeed { feed, recorder in
            #expect(await eventually { feed.isFollowing })
            #expect(feed.position == 11)
            #expect(recorder.count == 0)
        }
    }

}
