import Basics
import EventLog
import EventModel
import TestKit
import Testing

@testable import Webhooks
@testable import webhook_dispatcher

private typealias Fixture = DeliveryFixture

@Suite("Delivery queue") struct DeliveryQueueTests {
    /// Receivers detect repetitions by the id, also when a gap is made again, and events at the same place have others.
    @Test func aGapOfALostCursorHasOneID() {
        let (place, lost) = (Fixture.cursor(4), Cursor(time: Fixture.time.advanced(by: .seconds(9)), epoch: Fixture.epoch, sequence: 7))
        let gap = OutgoingMessage(.unknownCursor(current: place), insteadOf: lost, at: Fixture.time)
        let again = OutgoingMessage(.unknownCursor(current: place), insteadOf: lost, at: Fixture.time.advanced(by: .seconds(300)))
        #expect(gap.signed.id == again.signed.id && gap.signed.id != place.text)
        #expect(gap.cursor.isIdentical(to: place) && gap.gap != nil)
    }

    /// Made again, the gap of a lost cursor may be of another place; an expired one follows from the log as it is then.
    @Test func theGapOfALostCursorStaysThroughRetries() throws {
        for stays in [true, false] {
            let gap: StreamGap = stays ? .unknownCursor(current: Fixture.cursor(4)) : .expired(missedBefore: Fixture.cursor(5))
            var queue = DeliveryQueue(after: Fixture.cursor(9))
            let message = OutgoingMessage(gap, insteadOf: Fixture.cursor(9), at: Fixture.time)
            queue.begin(with: message)
            queue.append(try Fixture.message(6))
            queue.start(message)
            queue.putBack(message)
            queue.dropWaiting()
            #expect((queue.nextWaiting === message) == stays && queue.waitingCount == (stays ? 1 : 0))
            #expect(queue.readThrough == (stays ? 4 : 9))
        }
    }

    /// A restored log has another message at the sequence of a lost cursor: that one must not stay stored.
    @Test func theSamePlaceOfAnotherHistoryIsProgress() throws {
        var delivery = EndpointDelivery(try Fixture.stored(cursor: 4))
        #expect(!delivery.isDirty)
        let place = Cursor(time: Fixture.time.advanced(by: .seconds(1)), epoch: Fixture.epoch, sequence: 4)
        delivery.begin(with: OutgoingMessage(.unknownCursor(current: place), insteadOf: Fixture.cursor(4), at: Fixture.time))
        guard case .message(let gap) = delivery.next(at: Fixture.time, isAtHead: true) else { throw TestKitError("a gap waits") }
        _ = delivery.ended(delivery.start(gap), Fixture.success, at: Fixture.time, random: 0.5)
        #expect(delivery.isDirty && delivery.record.endpoint.cursor.isIdentical(to: place))
    }

    private func queue(_ sequences: UInt64..., after: UInt64 = 0) throws -> (DeliveryQueue, [OutgoingMessage]) {
        var queue = DeliveryQueue(after: Fixture.cursor(after))
        let messages = try sequences.map { try Fixture.message($0) }
        for message in messages { queue.append(message) }
        return (queue, messages)
    }

    @Test func theCursorIsTheContiguousPrefix() throws {
        var (queue, messages) = try queue(2, 5, 9)
        for message in messages { queue.start(message) }
        #expect(queue.underWayCount == 3 && queue.nextWaiting == nil && queue.waitingCount == 0)
        queue.take(messages[1])
        #expect(queue.position == Fixture.cursor(0) && queue.underWayCount == 2)
        queue.take(messages[0])
        #expect(queue.position == Fixture.cursor(5))
        queue.take(messages[2])
        #expect(queue.position == Fixture.cursor(9) && queue.isEmpty && queue.bytes == 0)
        queue.take(messages[2])
        #expect(queue.position == Fixture.cursor(9) && queue.underWayCount == 0)
    }

    @Test func whatWasReadIsNotAppendedTwice() throws {
        var (queue, messages) = try queue(2, 5)
        queue.append(try Fixture.message(5))
        queue.noteRead(through: 8)
        queue.append(try Fixture.message(7))
        #expect(queue.waitingCount == 2 && queue.readThrough == 8)
        queue.noteRead(through: 3)
        #expect(queue.readThrough == 8)
        #expect(queue.nextWaiting === messages[0])
    }

    /// What is under way or taken stays, so that nothing is sent twice and nothing is left out.
    @Test func whatWaitsBehindIsReadAgain() throws {
        var (queue, messages) = try queue(2, 5, 9, 11, after: 1)
        queue.start(messages[0])
        queue.start(messages[1])
        queue.start(messages[2])
        queue.take(messages[2])
        queue.putBack(messages[0])
        queue.dropWaiting()
        #expect(queue.readThrough == 9 && queue.oldestWaiting === messages[0])
        queue.putBack(messages[1])
        queue.start(messages[0])
        queue.take(messages[0])
        #expect(queue.position == Fixture.cursor(2))
        queue.dropWaiting()
        #expect(queue.readThrough == 9, "one behind it is taken")
        queue.start(messages[1])
        queue.take(messages[1])
        #expect(queue.position == Fixture.cursor(9) && queue.isEmpty)
        queue.append(messages[3])
        queue.dropWaiting()
        #expect(queue.readThrough == 9 && queue.isEmpty)
    }

    @Test func itIsBounded() throws {
        var (queue, _) = try queue()
        var sequence: UInt64 = 0
        while queue.hasRoom(for: 1000) {
            sequence += 1
            queue.append(try Fixture.message(sequence))
        }
        #expect(queue.waitingCount == DeliveryQueue.maximumCount)
        (queue, _) = try self.queue()
        #expect(queue.hasRoom(for: 1 << 20, isTight: true), "one message of any size")
        queue.append(try Fixture.message(1))
        #expect(!queue.hasRoom(for: 1 << 20) && queue.hasRoom(for: 1000) && !queue.hasRoom(for: 1, isTight: true))
    }

    /// What had no room is not read again and again while nothing is sent.
    @Test func itIsFullUntilAMessageIsSentOrTaken() throws {
        var (queue, messages) = try queue(2, 5)
        #expect(!queue.isFull)
        queue.refuse(9)
        #expect(queue.isFull && queue.readThrough == 8)
        queue.start(messages[0])
        #expect(!queue.isFull)
        queue.refuse(9)
        queue.take(messages[0])
        #expect(!queue.isFull)
        queue.refuse(9)
        queue.dropWaiting()
        #expect(!queue.isFull && queue.isEmpty && queue.readThrough == 2)
        queue.refuse(3)
        queue.reset(to: Fixture.cursor(1))
        #expect(!queue.isFull && queue.readThrough == 1)
    }

    @Test func aGapComesFirst() throws {
        var (queue, _) = try queue(2, after: 1)
        let gap = OutgoingMessage(.expired(missedBefore: Fixture.cursor(50)), insteadOf: Fixture.cursor(1), at: Fixture.time)
        queue.begin(with: gap)
        #expect(queue.nextWaiting === gap && queue.readThrough == 49 && queue.position == Fixture.cursor(1))
        #expect(String(decoding: gap.signed.body, as: UTF8.self).contains(#""reason":"expired","missedBefore":"evt_"#))
        queue.append(try Fixture.message(50))
        queue.start(gap)
        queue.take(gap)
        #expect(queue.position == Fixture.cursor(49) && queue.nextWaiting?.sequence == 50)
    }

    @Test func aPassedCursorMovesForwardAlone() throws {
        var (queue, messages) = try queue(after: 5)
        queue.pass(to: Fixture.cursor(3))
        #expect(queue.position == Fixture.cursor(5))
        queue.pass(to: Fixture.cursor(8))
        #expect(queue.position == Fixture.cursor(8) && queue.readThrough == 8)
        messages = [try Fixture.message(9)]
        queue.append(messages[0])
        queue.pass(to: Fixture.cursor(20))
        #expect(queue.position == Fixture.cursor(8), "it has a message that is not taken")
    }
}

@Suite("Delivery to an endpoint") struct EndpointDeliveryTests {
    private func delivery(_ count: UInt64 = 0, state: EndpointHealth.State = .enabled, isOrdered: Bool = true) throws -> EndpointDelivery {
        var delivery = EndpointDelivery(try Fixture.stored(state: state, isOrdered: isOrdered))
        for sequence in 0..<count {
            let message = try Fixture.message(sequence + 1)
            delivery.read { $0.append(message) }
        }
        return delivery
    }

    private func start(_ delivery: inout EndpointDelivery, at time: Timestamp = Fixture.time, window: Int = 16) -> EndpointDelivery.Attempt?
    {
        switch delivery.next(at: time, window: window, isAtHead: true) {
        case .message(let message): return delivery.start(message)
        case .ping:
            let ping = OutgoingMessage(pinging: delivery.id, head: Fixture.cursor(3), at: time)
            return delivery.start(ping, isPing: true)
        case .later, .starved, .nothing: return nil
        }
    }

    private func end(
        _ delivery: inout EndpointDelivery,
        _ attempt: EndpointDelivery.Attempt,
        _ outcome: AttemptOutcome,
        after: Duration = .zero
    )
        -> EndpointHealth.Step
    {
        delivery.ended(attempt, outcome, at: Fixture.time.advanced(by: after), random: 0.5)
    }

    @Test func anOrderedEndpointGetsOneAtATime() throws {
        var delivery = try delivery(3)
        for sequence: UInt64 in 1...3 {
            let attempt = try #require(start(&delivery))
            #expect(attempt.message.sequence == sequence && start(&delivery) == nil)
            #expect(end(&delivery, attempt, Fixture.success) == .proceed)
            #expect(delivery.record.endpoint.cursor == Fixture.cursor(sequence) && delivery.isDirty)
        }
        #expect(start(&delivery) == nil)
        guard case .nothing = delivery.next(at: Fixture.time, isAtHead: true) else { throw TestKitError("nothing is left") }
        guard case .starved = delivery.next(at: Fixture.time, isAtHead: false) else { throw TestKitError("more is to be read") }
    }

    @Test func aParallelEndpointHasAWindow() throws {
        var delivery = try delivery(40, isOrdered: false)
        var attempts: [EndpointDelivery.Attempt] = []
        while let attempt = start(&delivery, window: 99) { attempts.append(attempt) }
        #expect(attempts.map(\.message.sequence) == Array(1...16))
        #expect(end(&delivery, attempts[3], Fixture.success) == .proceed)
        #expect(start(&delivery, window: 4) == nil, "its share is smaller than what is under way")
        #expect(start(&delivery)?.message.sequence == 17)
    }

    @Test(arguments: [(64, 1, 16), (64, 4, 16), (64, 20, 3), (64, 64, 1), (64, 1000, 1), (64, 0, 16), (1, 1, 1)])
    func aTenantsPlacesAreShared(_ places: Int, _ busy: Int, _ window: Int) {
        #expect(EndpointDelivery.window(places: places, busy: busy) == window)
    }

    @Test func aPendingEndpointGetsAPing() throws {
        let pending = EndpointHealth(registeredAt: Fixture.time).state
        var delivery = try delivery(2, state: pending)
        let ping = try #require(start(&delivery))
        #expect(ping.isPing && start(&delivery) == nil)
        guard case .retry = end(&delivery, ping, Fixture.failure) else { throw TestKitError("a retry is due") }
        #expect(start(&delivery) == nil && delivery.isDirty)
        let later = Fixture.time.advanced(by: .seconds(6))
        let second = try #require(start(&delivery, at: later))
        #expect(second.isPing && second.message.signed.id != ping.message.signed.id)
        #expect(delivery.ended(second, Fixture.success, at: later, random: 0.5) == .proceed)
        #expect(delivery.health.state == .enabled && delivery.record.endpoint.cursor == Fixture.cursor(0))
    }

    @Test func aFailingEndpointGetsTheOldestEventAlone() throws {
        var delivery = try delivery(6, isOrdered: false)
        let attempts = (0..<4).compactMap { _ in start(&delivery) }
        #expect(end(&delivery, attempts[2], Fixture.success) == .proceed)
        guard case .retry(let time) = end(&delivery, attempts[1], Fixture.failure) else { throw TestKitError("a retry is due") }
        #expect(end(&delivery, attempts[0], Fixture.failure) == .hold, "one of those that fail together counts")
        #expect(start(&delivery, at: time) == nil, "one is under way")
        #expect(end(&delivery, attempts[3], Fixture.success) == .proceed)
        let oldest = try #require(start(&delivery, at: time))
        #expect(oldest.message.sequence == 1 && start(&delivery, at: time) == nil)
        #expect(delivery.ended(oldest, Fixture.success, at: time, random: 0.5) == .proceed)
        #expect(delivery.health.state == .enabled && delivery.record.endpoint.cursor == Fixture.cursor(1))
        let next = try #require(start(&delivery, at: time))
        #expect(next.message.sequence == 2)
        #expect(delivery.ended(next, Fixture.success, at: time, random: 0.5) == .proceed)
        #expect(delivery.record.endpoint.cursor == Fixture.cursor(4), "3 and 4 were taken before")
        #expect(delivery.queue.readThrough == 4, "what waited is read again")
    }

    @Test func aDisabledEndpointGetsNothing() throws {
        var delivery = try delivery(2)
        let attempt = try #require(start(&delivery))
        #expect(end(&delivery, attempt, Fixture.gone) == .disable(.gone))
        #expect(start(&delivery) == nil && delivery.record.endpoint.cursor == Fixture.cursor(0))
        #expect(delivery.record.endpoint.unannouncedDisabling?.reason == .gone)
    }

    @Test func whatWasPostponedIsSentLater() throws {
        var delivery = try delivery(2)
        let attempt = try #require(start(&delivery))
        #expect(end(&delivery, attempt, .postponed) == .hold)
        #expect(!delivery.isDirty && start(&delivery)?.message === attempt.message)
    }

    // MARK: Changes by others

    private func adopt(_ changed: EndpointStore.Stored, _ delivery: inout EndpointDelivery) -> Bool {
        delivery.adopt(changed, insteadOf: delivery.stored.endpoint)
    }

    /// A replay wins over what is under way, and nothing that was begun before moves the cursor.
    @Test func aReplaySetsTheCursorBack() throws {
        var delivery = try delivery(3)
        let attempt = try #require(start(&delivery))
        var changed = delivery.stored
        changed.endpoint.cursor = Fixture.cursor(0, epoch: 6)
        #expect(adopt(changed, &delivery))
        #expect(delivery.record.endpoint.cursor == changed.endpoint.cursor && !delivery.isDirty)
        #expect(end(&delivery, attempt, Fixture.success) == .hold)
        #expect(delivery.record.endpoint.cursor == changed.endpoint.cursor && !delivery.isDirty)
    }

    /// The stored cursor lags behind progress that is not stored yet, so a replay can leave it as it is.
    @Test func aReplayFromTheStoredCursorSendsWhatWasTakenSince() throws {
        var delivery = try delivery(3)
        let attempt = try #require(start(&delivery))
        _ = end(&delivery, attempt, Fixture.success)
        var changed = delivery.stored
        changed.endpoint.setBack(behind: Fixture.cursor(2), at: Fixture.time)
        #expect(changed.endpoint.cursor == delivery.stored.endpoint.cursor && delivery.isDirty)
        #expect(adopt(changed, &delivery))
        #expect(delivery.record.endpoint == changed.endpoint && !delivery.isDirty)
    }

    @Test func whatIsUnderWayCountsAfterAReplay() throws {
        var delivery = try delivery(3)
        let attempt = try #require(start(&delivery))
        var changed = try Fixture.stored(cursor: 2)
        changed.endpoint.settings = delivery.stored.endpoint.settings
        #expect(adopt(changed, &delivery))
        let message = try Fixture.message(3)
        delivery.read { $0.append(message) }
        #expect(start(&delivery) == nil, "an ordered endpoint gets one at a time")
        _ = end(&delivery, attempt, Fixture.failure)
        #expect(delivery.health.state == .enabled && start(&delivery)?.message === message)
    }

    @Test func progressOutlivesOtherChanges() throws {
        var delivery = try delivery(3)
        let attempt = try #require(start(&delivery))
        _ = end(&delivery, attempt, Fixture.success)
        var changed = delivery.stored
        try changed.endpoint.settings.describe("changed")
        changed.endpoint.secrets.rotate(to: .generate(), at: Fixture.time)
        #expect(!adopt(changed, &delivery))
        #expect(delivery.isDirty && delivery.record.endpoint.cursor == Fixture.cursor(1))
        #expect(delivery.record.endpoint.settings.description == "changed" && delivery.record.endpoint.secrets == changed.endpoint.secrets)
        #expect(start(&delivery)?.message.sequence == 2)
    }

    @Test func anAdministratorsStateWins() throws {
        var delivery = try delivery(3)
        let attempt = try #require(start(&delivery))
        guard case .retry(let time) = end(&delivery, attempt, Fixture.failure) else { throw TestKitError("a retry is due") }
        delivery.written(delivery.record)
        var changed = delivery.stored
        var health = EndpointHealth(changed.endpoint.state)
        health.enable(at: Fixture.time)
        changed.endpoint.state = health.state
        #expect(adopt(changed, &delivery))
        let ping = try #require(start(&delivery))
        #expect(ping.isPing && Fixture.time < time)
    }

    @Test func anotherFilterReadsTheLogAgain() throws {
        var delivery = try delivery(3)
        let attempt = try #require(start(&delivery))
        _ = end(&delivery, attempt, Fixture.success)
        var changed = delivery.stored
        changed.endpoint.settings.types = try EndpointTypes(["approval.*"])
        #expect(adopt(changed, &delivery))
        #expect(delivery.queue.isEmpty && delivery.queue.readThrough == 1 && delivery.isDirty)
    }
}

@Suite("Ownership of endpoints") struct OwnershipTests {
    @Test(arguments: [
        // isChosen, isOwner, isDriving, hasWork
        (true, false, false, true, OwnershipStep.claim), (true, true, false, true, .claim), (true, false, false, false, .leave),
        (true, true, true, true, .drive), (true, true, true, false, .drive),
        (false, true, true, true, .handOver), (false, true, true, false, .handOver),
        (true, false, true, true, .drop), (false, false, true, true, .drop),
        (false, false, false, true, .leave), (false, true, false, true, .leave),
    ])
    func decisions(_ isChosen: Bool, _ isOwner: Bool, _ isDriving: Bool, _ hasWork: Bool, _ step: OwnershipStep) {
        #expect(OwnershipStep.decide(isChosen: isChosen, isOwner: isOwner, isDriving: isDriving, hasWork: hasWork) == step)
    }
}
