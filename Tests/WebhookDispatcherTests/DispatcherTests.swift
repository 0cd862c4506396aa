import Basics
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

private typealias Fixture = DeliveryFixture

/// The dispatcher against a real nats-server, with receivers in memory.
@Suite("Dispatcher", .timeLimit(.minutes(5))) struct DispatcherTests {
    private static let patience = DispatcherBench.patience

    @Test func anEndpointAnswersItsPingAndThenGetsEvents() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("a", isEnabled: false)
        try await bench.append(1...3)
        let running = try await bench.start()
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("a") == [1, 2, 3] })
        try await bench.append(4...6)
        try await bench.append(1...2, of: "globex")
        try await bench.append(7...7, type: "approval.other")
        let cursors = try await bench.append(8...8)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("a") == [1, 2, 3, 4, 5, 6, 8] })
        #expect(bench.receiver.received("a").map(\.type) == ["webhook.ping"] + Array(repeating: "incident.opened", count: 7))
        #expect(bench.receiver.received("a").last?.id == cursors[0].text)
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursors[0] })
        let endpoint = try #require(try await bench.endpoint(id))
        #expect(endpoint.state == .enabled && endpoint.owner == "a")
        #expect(bench.receiver.attempts(of: id).count == 8)
        let figures = await running.dispatcher.figures
        #expect(figures.owned == 1 && figures.states == ["enabled": 1] && figures.attempts == ["delivered": 8] && figures.lag == .zero)
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func endpointsOfAnyNumberShareTheLog() async throws {
        let bench = try await DispatcherBench()
        for number in 0..<12 {
            _ = try await bench.register("t\(number)", of: number % 2 == 0 ? "acme" : "globex", isOrdered: number % 3 != 0)
        }
        let running = try await bench.start()
        try await bench.append(1...150, of: "acme")
        try await bench.append(1...90, of: "globex")
        for number in 0..<12 {
            let numbers = Array(1...(number % 2 == 0 ? 150 : 90))
            #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("t\(number)").sorted() == numbers }, "\(number)")
            if number % 3 != 0 { #expect(bench.receiver.numbers("t\(number)") == numbers, "\(number): in order") }
        }
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    /// A backlog that neither the queue nor the tail holds.
    @Test func aBacklogIsReadFromTheLog() async throws {
        let bench = try await DispatcherBench()
        let ordered = try await bench.register("ordered")
        _ = try await bench.register("parallel", isOrdered: false)
        try await bench.append(1...2500)
        let running = try await bench.start(configure: { $0.pieceBytes = 16 * 1024 })
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("ordered").count >= 2500 })
        #expect(bench.receiver.numbers("ordered") == Array(1...2500))
        #expect(await eventually(timeout: Self.patience) { Set(bench.receiver.numbers("parallel")).count == 2500 })
        try await running.stop()
        #expect(try await bench.endpoint(ordered)?.cursor.sequence == bench.log.bounds().lastSequence)
        withExtendedLifetime(bench) {}
    }

    /// An endpoint whose queue is full waits for its turn, here for ever, without reading the log again and again.
    @Test func aFullQueueReadsNothing() async throws {
        let bench = try await DispatcherBench()
        _ = try await bench.register("x")
        let text = String(repeating: "a", count: 90 * 1024)
        let events = try (1...5).map { number in
            Event(
                id: EventID(generated: "large-\(number)"),
                tenant: "acme",
                type: try EventType("incident.opened"),
                time: Fixture.time,
                payload: try Payload(validating: Array("{\"text\":\"\(text)\"}".utf8))
            )
        }
        _ = try await bench.log.append(contentsOf: events, intake: Fixture.time, timeout: Self.patience)
        let running = try await bench.start(configure: { $0.attempts = 0 })
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.figures.heldBytes > 2 * text.utf8.count })
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.readsUnderWay == 0 })
        #expect(bench.receiver.received("x").isEmpty)
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func aFailureIsRetriedAndHoldsUpNobodyElse() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("a")
        _ = try await bench.register("b")
        bench.receiver.answer("a", Fixture.failure, .failed(.timedOut))
        let running = try await bench.start()
        try await bench.append(1...3)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("b") == [1, 2, 3] })
        #expect(
            try await eventually(timeout: Self.patience) {
                guard case .failing(let trouble) = try await bench.endpoint(id)?.state else { return false }
                return trouble.failures == 1
            }
        )
        #expect(bench.receiver.numbers("a") == [1])
        bench.clock.advance(by: .seconds(6))
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("a") == [1, 1] })
        #expect(
            try await eventually(timeout: Self.patience) {
                guard case .failing(let trouble) = try await bench.endpoint(id)?.state else { return false }
                return trouble.failures == 2
            }
        )
        bench.clock.advance(by: .seconds(400))
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("a") == [1, 1, 1, 2, 3] })
        #expect(Set(bench.receiver.received("a").prefix(3).map(\.id)).count == 1, "repeats have the same id")
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.state == .enabled })
        let attempts = bench.receiver.attempts(of: id)
        #expect(attempts.map { $0.nextAttemptAt != nil } == [true, true, false, false, false])
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func aPostponedAttemptIsMadeLater() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("a")
        bench.receiver.answer("a", .postponed, .postponed, .postponed)
        let running = try await bench.start()
        try await bench.append(1...3)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("a") == [1, 2, 3] })
        #expect(bench.receiver.attempts(of: id).count == 3)
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    /// Slow endpoints, more than there are places, hold up no others.
    @Test func slowEndpointsShareAPartOfThePlaces() async throws {
        let bench = try await DispatcherBench()
        for number in 0..<12 {
            _ = try await bench.register("slow\(number)", isOrdered: false)
            bench.receiver.hold("slow\(number)")
        }
        let running = try await bench.start(configure: { limits in
            limits.attempts = 13
            limits.attemptsPerTenant = 13
            limits.slow = .milliseconds(20)
        })
        try await bench.append(1...5)
        // All are known to be slow, and hold as much as they may, or more if they began before.
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.slowUnderWay >= 6 })
        _ = try await bench.register("quick")
        try await bench.append(6...40)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("quick") == Array(6...40) })
        for number in 0..<12 { bench.receiver.release("slow\(number)") }
        for number in 0..<12 {
            #expect(
                await eventually(timeout: Self.patience) { bench.receiver.numbers("slow\(number)").sorted() == Array(1...40) },
                "\(number)"
            )
        }
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    // MARK: Disabling

    @Test func anEndpointThatIsGoneIsDisabledAndAnnouncedOnce() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("a")
        _ = try await bench.register("watcher", types: ["webhook.*"])
        bench.receiver.answer("a", Fixture.gone)
        let running = try await bench.start()
        try await bench.append(1...2)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.received("watcher").map(\.type) == ["webhook.disabled"] })
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.unannouncedDisabling == nil })
        #expect(bench.receiver.numbers("a") == [1])
        #expect(await running.dispatcher.figures.disablings == 1)
        let events = try await bench.events("webhook.disabled")
        #expect(events.count == 1 && events[0].payload.string("endpointId") == "\(id)" && events[0].payload.string("reason") == "gone")
        // Enabled again, it gets a ping and what it missed.
        try await bench.update(id) { endpoint in
            var health = EndpointHealth(endpoint.state)
            health.enable(at: bench.clock.now())
            endpoint.state = health.state
        }
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("a") == [1, 1, 2] })
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    /// The process ended between the record's write and the append, or between the append and the second write.
    @Test(arguments: [(false, Duration.seconds(1)), (true, .seconds(1)), (false, .seconds(600)), (true, .seconds(600))])
    func aMissingAnnouncementIsMadeByWhoeverOwnsTheEndpoint(_ isAppended: Bool, _ age: Duration) async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("a")
        try await bench.update(id) { $0.state = .disabled(.failed, at: Fixture.time) }
        if isAppended {
            let event = try DisablingAnnouncer.event(of: id, in: "acme", .failed, at: Fixture.time)
            _ = try await bench.log.append(event, intake: Fixture.time, timeout: Self.patience)
        }
        bench.clock.advance(by: age)
        let first = try await bench.start("a")
        let second = try await bench.start("b")
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.announcedAt == Fixture.time })
        #expect(try await bench.events("webhook.disabled").count == 1)
        try await first.stop()
        try await second.stop()
        #expect(try await bench.events("webhook.disabled").count == 1)
        withExtendedLifetime(bench) {}
    }

    // MARK: Ownership

    @Test func anEndpointIsHandedOver() async throws {
        let bench = try await DispatcherBench()
        let ids = [try await bench.register("x"), try await bench.register("y", of: "globex")]
        let first = try await bench.start("a", members: ["a"])
        let second = try await bench.start("b", members: ["a"])
        var expected = 0
        for (turn, owner) in ["a", "b", "a", "b"].enumerated() {
            first.membership.set([owner])
            second.membership.set([owner])
            let numbers = (turn * 20 + 1)...(turn * 20 + 20)
            try await bench.append(numbers)
            try await bench.append(numbers, of: "globex")
            expected = numbers.upperBound
            for name in ["x", "y"] {
                #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers(name).max() == expected }, "\(name) \(turn)")
            }
            #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(ids[0])?.owner == owner })
        }
        for name in ["x", "y"] {
            // A first occurrence is never before an earlier event's.
            var seen: [Int] = []
            for number in bench.receiver.numbers(name) where !seen.contains(number) { seen.append(number) }
            #expect(seen == Array(1...expected), "\(name)")
        }
        try await first.stop()
        try await second.stop()
        withExtendedLifetime(bench) {}
    }

    /// A process that others take for dead, and that does not know it yet, loses the comparison and stops.
    @Test func aStaleOwnerWritesNothing() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        bench.receiver.hold("x")
        let stale = try await bench.start("a", members: ["a"], configure: { $0.reclaim = .seconds(600) })
        try await bench.append(1...4)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1] })
        let taker = try await bench.start("b", members: ["b"])
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.owner == "b" })
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 1] })
        // From now on the first one knows.
        stale.membership.set(["b"])
        bench.receiver.release("x")
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 1, 2, 3, 4] })
        let end = try await bench.log.bounds().lastSequence
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor.sequence == end })
        #expect(try await bench.endpoint(id)?.owner == "b")
        try await stale.stop()
        #expect(try await bench.endpoint(id)?.owner == "b")
        try await taker.stop()
        withExtendedLifetime(bench) {}
    }

    /// The endpoint's owner changes away and back during an attempt: events stored in between are read from the log.
    @Test func anEndpointThatIsChosenAgainDuringAnAttemptMissesNothing() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        bench.receiver.hold("x")
        let running = try await bench.start("a", members: ["a"])
        func isChosen(_ member: String) async -> Bool {
            await eventually(timeout: Self.patience) { await running.dispatcher.view?.owner(of: id, in: "acme")?.text == member }
        }
        try await bench.append(1...1)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1] })
        running.membership.set(["b"])
        #expect(await isChosen("b"))
        let passed = try await bench.append(2...2)[0].sequence
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.position >= passed })
        running.membership.set(["a"])
        #expect(await isChosen("a"))
        bench.receiver.release("x")
        try await bench.append(3...3)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x").contains(3) })
        #expect(bench.receiver.numbers("x") == [1, 2, 3])
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func aProcessThatIsCutOffStartsNothing() async throws {
        let bench = try await DispatcherBench()
        _ = try await bench.register("x")
        let running = try await bench.start()
        try await bench.append(1...2)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 2] })
        running.membership.set(["a"], mayStart: false)
        try await bench.append(3...4)
        // The other tenant's endpoint shows that the events have arrived.
        #expect(await eventually(timeout: Self.patience) { running.dispatcher.feed.tail.count >= 4 })
        #expect(bench.receiver.numbers("x") == [1, 2])
        running.membership.set(["a"])
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 2, 3, 4] })
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    // MARK: Changes by administrators

    @Test func aReplayRepeatsWhileTheEndpointIsDriven() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        let start = try #require(try await bench.endpoint(id)?.cursor)
        let running = try await bench.start()
        let cursors = try await bench.append(1...10)
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursors[9] })
        try await bench.update(id) { $0.cursor = cursors[6] }
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == Array(1...10) + [8, 9, 10] })
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursors[9] })
        try await bench.update(id) { $0.cursor = start }
        try await bench.append(11...12)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x").suffix(12) == Array(1...12)[...] })
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func aDeletedEndpointGetsNothingMore() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        _ = try await bench.register("y")
        let running = try await bench.start()
        try await bench.append(1...2)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 2] })
        #expect(try await bench.store.delete(id, of: "acme", within: Self.patience))
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.figures.known == 1 })
        try await bench.append(3...4)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("y") == [1, 2, 3, 4] })
        #expect(bench.receiver.numbers("x") == [1, 2])
        #expect(try await bench.endpoint(id) == nil, "its cursor did not bring it back")
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func otherTypesAreDeliveredFromTheChangeOn() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        _ = try await bench.register("y", types: ["incident.*", "job.*"])
        let running = try await bench.start()
        try await bench.append(1...2)
        try await bench.append(3...4, type: "job.started")
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("y") == [1, 2, 3, 4] })
        try await bench.update(id) { $0.settings.types = (try? EndpointTypes(["job.*"])) ?? $0.settings.types }
        // The change reaches the dispatcher by another stream than events do: the first of these may come before it.
        let number = Mutex(10)
        let isInForce = try await eventually(timeout: Self.patience) {
            let next = number.withLock { number in
                number += 1
                return number
            }
            try await bench.append(next...next, type: "job.started")
            return bench.receiver.numbers("x").contains { $0 > 10 }
        }
        try #require(isInForce)
        try await bench.append(5...6)
        try await bench.append(7...8, type: "job.started")
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x").suffix(2) == [7, 8] })
        #expect(Set(bench.receiver.numbers("x")).isDisjoint(with: 3...6))
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    // MARK: Gaps

    @Test func aCursorBeforeTheLogsStartGetsAGapFirst() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        let cursors = try await bench.append(1...10)
        try await bench.purge(before: cursors[5].sequence)
        let running = try await bench.start()
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [6, 7, 8, 9, 10] })
        let received = bench.receiver.received("x")
        #expect(received.map(\.type) == ["stream.gap"] + Array(repeating: "incident.opened", count: 5))
        #expect(Cursor(received[0].id)?.sequence == cursors[4].sequence)
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursors[9] })
        try await running.stop()
        let again = try await bench.start()
        try await bench.append(11...11)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x").last == 11 })
        #expect(bench.receiver.received("x").filter { $0.type == "stream.gap" }.count == 1)
        try await again.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func aCursorOfAnotherLogGetsAGapAndThenThisLog() async throws {
        let bench = try await DispatcherBench()
        try await bench.append(1...3)
        let epoch = bench.log.epoch
        _ = try await bench.register("x", cursor: Cursor(time: Fixture.time, epoch: epoch &+ 1, sequence: 900))
        _ = try await bench.register("beyond", cursor: Cursor(time: Fixture.time, epoch: epoch, sequence: 900))
        let running = try await bench.start()
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 2, 3] })
        #expect(bench.receiver.received("x").first?.type == "stream.gap")
        #expect(await eventually(timeout: Self.patience) { bench.receiver.received("beyond").map(\.type) == ["stream.gap"] })
        try await bench.append(4...4)
        #expect(
            await eventually(timeout: Self.patience) {
                bench.receiver.numbers("beyond") == [4] && bench.receiver.numbers("x") == [1, 2, 3, 4]
            }
        )
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    // MARK: Outages and the end

    @Test func anOutageOfTheBusLosesNothing() async throws {
        let bench = try await DispatcherBench()
        _ = try await bench.register("x")
        _ = try await bench.register("y", isOrdered: false)
        let running = try await bench.start()
        try await bench.append(1...50)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x").count >= 10 })
        bench.server.kill()
        try await bench.server.start()
        try await bench.append(51...100)
        for name in ["x", "y"] {
            #expect(await eventually(timeout: Self.patience) { Set(bench.receiver.numbers(name)) == Set(1...100) }, "\(name)")
        }
        var seen: [Int] = []
        for number in bench.receiver.numbers("x") where !seen.contains(number) { seen.append(number) }
        #expect(seen == Array(1...100))
        try await running.stop()
        withExtendedLifetime(bench) {}
    }

    @Test func theEndWaitsForWhatIsUnderWay() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        bench.receiver.hold("x")
        let running = try await bench.start()
        let cursors = try await bench.append(1...3)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1] })
        let stopped = Mutex(false)
        let stopping = Task {
            try await running.stop()
            stopped.withLock { $0 = true }
        }
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.isStopping })
        #expect(!stopped.withLock { $0 })
        bench.receiver.release("x")
        try await stopping.value
        #expect(try await bench.endpoint(id)?.cursor == cursors[0])
        #expect(bench.receiver.numbers("x") == [1])
        withExtendedLifetime(bench) {}
    }

    /// Others go on at once, not when the slowest receiver has answered.
    @Test func aStopCutsOffWhatIsUnderWayWhenAnotherGoesOn() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        bench.receiver.hold("x")
        let first = try await bench.start(
            "a",
            members: ["a"],
            configure: { limits in
                limits.handOver = .milliseconds(50)
                // Longer than the test may take.
                limits.drain = .seconds(600)
            }
        )
        try await bench.append(1...2)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1] })
        first.membership.set(["a", "b"])
        let before = try await bench.endpoint(id)?.cursor
        // The receiver has not answered, and does not before the process has ended.
        try await first.stop()
        #expect(try await bench.endpoint(id)?.cursor == before)
        #expect(try await bench.endpoint(id)?.state == .enabled)
        bench.receiver.release("x")
        let second = try await bench.start("b", members: ["b"])
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 1, 2] })
        try await second.stop()
        withExtendedLifetime(bench) {}
    }

    /// An idle endpoint is not driven, and its cursor follows what it does not want.
    @Test func anIdleEndpointIsUnloadedAndItsCursorFollows() async throws {
        let bench = try await DispatcherBench()
        let id = try await bench.register("x")
        let running = try await bench.start(configure: { limits in
            limits.idle = .milliseconds(50)
            limits.passing = .zero
        })
        try await bench.append(1...1)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1] })
        #expect(await eventually(timeout: Self.patience) { await running.dispatcher.figures.driven == 0 })
        let cursors = try await bench.append(2...3, type: "job.started")
        #expect(try await eventually(timeout: Self.patience) { try await bench.endpoint(id)?.cursor == cursors[1] })
        try await bench.append(4...4)
        #expect(await eventually(timeout: Self.patience) { bench.receiver.numbers("x") == [1, 4] })
        try await running.stop()
        withExtendedLifetime(bench) {}
    }
}
