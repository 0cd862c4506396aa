import Glibc
import Synchronization
import Testing

@testable import Basics

/// The choice of the connection to close when a listener's descriptors are exhausted.
@Suite struct DescriptorBudgetTests {
    private final class Closed: Sendable {
        private let names = Mutex<[String]>([])
        var list: [String] { names.withLock(\.self) }
        func closer(_ name: String) -> @Sendable () -> Void { { self.names.withLock { $0.append(name) } } }
    }

    private let closed = Closed()

    private func enter(_ name: String, _ budget: DescriptorBudget) -> DescriptorBudget.Place {
        budget.enter(close: closed.closer(name))
    }

    @Test func theOldestStrangerIsClosedForANewConnection() {
        let budget = DescriptorBudget { 2 }
        let places = ["a", "b", "c", "d"].map { enter($0, budget) }
        #expect(closed.list == ["a", "b"])
        #expect(budget.use == DescriptorBudget.Use(held: 4, strangers: 2, closed: 2))
        withExtendedLifetime(places) {}
    }

    @Test func anAcceptedRequestIsNeverClosedAndAnIdleConnectionOnlyAfterTheStrangers() {
        let budget = DescriptorBudget { 3 }
        let idle = enter("idle", budget)
        let working = enter("working", budget)
        let stranger = enter("stranger", budget)
        idle.requestAccepted()
        working.requestAccepted()
        idle.requestsAnswered()
        let first = enter("first", budget)
        #expect(closed.list == ["stranger"])
        first.requestAccepted()
        let second = enter("second", budget)
        #expect(closed.list == ["stranger", "idle"])
        second.handOver(to: -1, isStream: true)
        let third = enter("third", budget)
        #expect(closed.list == ["stranger", "idle", "third"])
        #expect(budget.use == DescriptorBudget.Use(held: 6, strangers: 0, streams: 1, closed: 2, refused: 1))
        withExtendedLifetime([idle, working, stranger, first, second, third]) {}
    }

    @Test func aPlaceIsGivenBackWhenItIsLetGoOf() {
        let budget = DescriptorBudget { 1 }
        var place: DescriptorBudget.Place? = enter("a", budget)
        place?.handOver(to: -1, isStream: true)
        #expect(budget.use.held == 1)
        place = nil
        #expect(budget.use.held == 0)
        let next = enter("b", budget)
        #expect(closed.list.isEmpty)
        withExtendedLifetime(next) {}
    }

    /// As those of the connections on a delivery loop.
    @Test func aDetachedPlaceCountsUntilItsEnd() throws {
        let budget = DescriptorBudget { 2 }
        let opened = try #require(budget.enterStream()).detached()
        let handedOver = handedOverPlace(budget)
        #expect(budget.use == DescriptorBudget.Use(held: 2, streams: 2))
        // Neither makes room.
        #expect(budget.enterStream() == nil)
        let refused = enter("refused", budget)
        #expect(closed.list == ["refused"])
        refused.giveBack()
        _ = consume opened
        #expect(budget.use.streams == 1)
        _ = consume handedOver
        #expect(budget.use.held == 0)
    }

    private func handedOverPlace(_ budget: DescriptorBudget) -> DescriptorBudget.Detached {
        let place = enter("handed over", budget)
        place.handOver(to: -1, isStream: true)
        return place.detached()
    }

    @Test func aDetachedPlaceOfARefusedConnectionIsGivenBackAtItsEnd() {
        let budget = DescriptorBudget { 1 }
        do {
            let place = enter("refused", budget)
            place.handOver(to: -1, isStream: false)
            let detached = place.detached()
            #expect(budget.use.held == 1)
            _ = consume detached
        }
        #expect(budget.use.held == 0)
    }

    @Test func onlyAnAcceptedTokenMakesAConnectionIdleOrKeepsItFromLeaving() {
        let budget = DescriptorBudget { 1 }
        let stranger = enter("stranger", budget)
        stranger.requestsAnswered()
        #expect(budget.use.strangers == 1)
        let next = enter("next", budget)
        stranger.requestAccepted()
        #expect(closed.list == ["stranger"])
        #expect(budget.use == DescriptorBudget.Use(held: 2, strangers: 1, closed: 1))
        withExtendedLifetime([stranger, next]) {}
    }

    @Test func oneThatStaysOnlyToBeToldWhyItCannotStayIsShutDown() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let budget = DescriptorBudget { 1 }
        let refused = enter("refused", budget)
        refused.handOver(to: ends[0], isStream: false)
        let next = enter("next", budget)
        var byte: UInt8 = 0
        // The end of the stream: 0 bytes.
        #expect(recv(ends[1], &byte, 1, Int32(MSG_DONTWAIT)) == 0)
        #expect(closed.list.isEmpty)
        refused.giveBack()
        #expect(budget.use == DescriptorBudget.Use(held: 1, strangers: 1, closed: 1))
        withExtendedLifetime([refused, next]) {}
    }

    @Test func aStreamEvictsAStrangerAndIsNeverEvicted() {
        let budget = DescriptorBudget { 2 }
        let stranger = enter("stranger", budget)
        let first = budget.enterStream()
        let second = budget.enterStream()
        #expect(first != nil && second != nil)
        #expect(closed.list == ["stranger"])
        stranger.giveBack()
        #expect(budget.enterStream() == nil)
        #expect(budget.use == DescriptorBudget.Use(held: 2, streams: 2, closed: 1, refused: 1))
        first?.giveBack()
        #expect(budget.enterStream() != nil)
        withExtendedLifetime(second) {}
    }

    @Test func theLimitIsAskedForEachConnection() {
        let limit = Mutex(2)
        let budget = DescriptorBudget { limit.withLock(\.self) }
        let places = ["a", "b"].map { enter($0, budget) }
        limit.withLock { $0 = 1 }
        let next = enter("c", budget)
        #expect(closed.list == ["a"])
        withExtendedLifetime([places, [next]]) {}
    }

    @Test func manyConnectionsThatComeAndGoLeaveNothingBehind() {
        let budget = DescriptorBudget { 100 }
        for index in 0..<10_000 {
            let place = enter("\(index)", budget)
            if index.isMultiple(of: 2) {
                place.requestAccepted()
                place.requestsAnswered()
            }
        }
        #expect(closed.list.isEmpty)
        #expect(budget.use == DescriptorBudget.Use())
    }
}
