import Basics
import EventLog
import EventModel
import NATSClient
import Synchronization
import TestKit
import Testing

/// Write-once places, against a real nats-server.
@Suite(.timeLimit(.minutes(3))) struct AppendOnceTests {
    private static let place = ApprovalPlace.decision(approvalID: "apr.1")

    private static func event(_ id: String, tenant: String = "acme") throws -> Event {
        try Fixture.event(
            id,
            tenant: tenant,
            type: "approval.resolved",
            payload: #"{"approvalId":"apr.1","remediationId":"r","action":"approve"}"#
        )
    }

    @Test func theFirstEventTakesThePlace() async throws {
        let bench = try await Bench()
        let first = try await bench.log.append(try Self.event("a"), onceAt: Self.place, intake: Fixture.time)
        guard case .stored(let stored) = first else {
            Issue.record("the place was free")
            return
        }
        #expect(stored.sequence == 1)
        let second = try await bench.another().append(try Self.event("b"), onceAt: Self.place, intake: Fixture.time)
        guard case .occupied(let occupied) = second else {
            Issue.record("the place was taken")
            return
        }
        #expect(occupied.event == stored.event)
        #expect(occupied.intake == Fixture.time)
        #expect(occupied.approvalPlace == Self.place)
        #expect(try await bench.log.bounds().lastSequence == 1)
        // Another tenant's place is another one, and so is that of the effect.
        let elsewhere = try await bench.log.append(try Self.event("a", tenant: "globex"), onceAt: Self.place, intake: Fixture.time)
        let effect = try await bench.log.append(try Self.event("a"), onceAt: .effect(approvalID: "apr.1"), intake: Fixture.time)
        #expect([elsewhere.entry.sequence, effect.entry.sequence] == [2, 3])
    }

    /// A clustered nats-server reports another write in flight: nothing is decided, and the append retries.
    @Test func aWriteInFlightIsWaitedFor() async throws {
        let bench = try await Bench()
        let event = try Self.event("a")
        let cluster = try await BusyCluster(bench, subject: EventSubject.approval(tenant: event.tenant, place: Self.place), refusals: 3)
        guard case .stored = try await bench.log.append(event, onceAt: Self.place, intake: Fixture.time) else {
            Issue.record("the place was free")
            return
        }
        #expect(cluster.refused == 3)
    }

    @Test func ofManyAtOnceOneWinsAndAllSeeTheSame() async throws {
        let bench = try await Bench()
        let logs = [bench.log, try await bench.another(), try await bench.another()]
        for round in 0..<20 {
            let place = ApprovalPlace.decision(approvalID: ApprovalID(generated: "round-\(round)"))
            let results = try await withThrowingTaskGroup(of: AppendedOnce.self) { group in
                for index in 0..<12 {
                    group.addTask { try await logs[index % 3].append(try Self.event("e\(index)"), onceAt: place, intake: Fixture.time) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count { if case .stored = $0 { true } else { false } } == 1)
            #expect(Set(results.map(\.entry.event.id)).count == 1)
            #expect(Set(results.map(\.entry.sequence)) == [UInt64(round + 1)])
        }
    }

    /// An append whose acknowledgement was lost finds its own event, even after a server crash and without an id.
    @Test func aRepetitionFindsItsOwn() async throws {
        let bench = try await Bench()
        let first = try await bench.log.append(try Self.event("mine"), onceAt: Self.place, intake: Fixture.time)
        bench.server.kill()
        try await bench.server.start()
        let again = try await bench.another().append(try Self.event("mine"), onceAt: Self.place, intake: Fixture.time)
        #expect(again.entry.event.id == "mine")
        #expect(again.entry.sequence == first.entry.sequence)
    }

    @Test func perseveresThroughAnOutageAndGivesUpInTime() async throws {
        let bench = try await Bench()
        bench.server.kill()
        let error = await #expect(throws: EventLogError.self) {
            try await bench.log.append(try Self.event("a"), onceAt: Self.place, intake: Fixture.time, timeout: .milliseconds(300))
        }
        #expect(error?.isRetriable == true)
        async let appended = bench.log.append(try Self.event("b"), onceAt: Self.place, intake: Fixture.time, timeout: .seconds(30))
        try await bench.server.start()
        #expect(["a", "b"].contains(try await appended.entry.event.id))
        #expect(try await bench.log.bounds().lastSequence == 1)
    }

    @Test func theFeedAndTheTailNameThePlace() async throws {
        let bench = try await Bench()
        _ = try await bench.log.append(try Self.event("a"), onceAt: Self.place, intake: Fixture.time)
        _ = try await bench.log.append(try Fixture.event("b"), intake: Fixture.time)
        _ = try await bench.log.append(try Self.event("c"), onceAt: .effect(approvalID: "apr.1"), intake: Fixture.time)
        try await bench.withFeed { _, recorder in
            #expect(await eventually { recorder.count == 3 })
            #expect(recorder.state.withLock { $0.entries.map(\.approvalPlace) } == [Self.place, nil, .effect(approvalID: "apr.1")])
        }
    }
}
