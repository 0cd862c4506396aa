import Basics
import Testing

@testable import EdgeRuntime

@Suite("Heartbeat wheel, expiry buckets, drain plan")
struct HubSchedulesTests {
    private func handle(_ slot: Int) -> ConnectionHandle { ConnectionHandle(slot: UInt32(slot), generation: 0) }

    @Test("a connection's heartbeat is due once an interval, in its own slot")
    func wheelPeriod() {
        var wheel = HeartbeatWheel(interval: .seconds(1), tick: .milliseconds(100))
        wheel.insert(self.handle(7), slot: 3)
        let due = (1...30).filter { _ in !wheel.advance(isAlive: { _ in true }).isEmpty }
        #expect(due == [3, 13, 23])
    }

    @Test("phases are spread: no slot holds much more than its share")
    func wheelSpread() {
        var wheel = HeartbeatWheel(interval: .seconds(30), tick: .milliseconds(100))
        for slot in 0..<30_000 { wheel.insert(self.handle(slot)) }
        let loads = (0..<300).map { _ in wheel.advance(isAlive: { _ in true }).count }
        #expect(loads.reduce(0, +) == 30_000)
        #expect(loads.max()! < 200, "100 expected in each of 300 slots")
    }

    @Test("handles of closed connections leave the wheel")
    func wheelForgets() {
        var wheel = HeartbeatWheel(interval: .milliseconds(200), tick: .milliseconds(100))
        wheel.insert(self.handle(1), slot: 1)
        wheel.insert(self.handle(2), slot: 1)
        #expect(wheel.advance(isAlive: { $0.slot == 2 }) == [self.handle(2)])
        #expect(wheel.advance(isAlive: { _ in true }) == [])
        #expect(wheel.advance(isAlive: { _ in true }) == [self.handle(2)])
    }

    @Test("a heartbeat interval shorter than a tick still beats")
    func wheelShort() {
        var wheel = HeartbeatWheel(interval: .milliseconds(10), tick: .milliseconds(100))
        wheel.insert(self.handle(1))
        #expect(wheel.advance(isAlive: { _ in true }).count == 1)
        #expect(wheel.advance(isAlive: { _ in true }).count == 1)
    }

    @Test("each token expires once, at its second, also over jumps of the clock")
    func expiries() {
        var buckets = ExpiryBuckets()
        buckets.insert(self.handle(1), at: 100)
        buckets.insert(self.handle(2), at: 101)
        #expect(buckets.removeExpired(now: 99) == [])
        #expect(buckets.removeExpired(now: 100) == [self.handle(1)])
        #expect(buckets.removeExpired(now: 100) == [])
        buckets.insert(self.handle(3), at: 90)
        #expect(Set(buckets.removeExpired(now: 101)) == [self.handle(2), self.handle(3)])
        buckets.insert(self.handle(4), at: 5000)
        #expect(buckets.removeExpired(now: 4000) == [])
        #expect(buckets.removeExpired(now: 9000) == [self.handle(4)])
    }

    @Test("a renewed token expires at its own second, and renewals leave nothing behind")
    func expiriesMove() {
        var buckets = ExpiryBuckets()
        buckets.insert(self.handle(1), at: 100)
        buckets.insert(self.handle(2), at: 100)
        for round in Int64(0)..<1000 { buckets.move(self.handle(1), from: 100 + round, to: 101 + round) }
        #expect(buckets.count == 2)
        #expect(buckets.removeExpired(now: 1099) == [self.handle(2)])
        // Back again, and to the same second.
        buckets.move(self.handle(1), from: 1100, to: 1105)
        buckets.move(self.handle(1), from: 1105, to: 1101)
        buckets.move(self.handle(1), from: 1101, to: 1101)
        #expect(buckets.removeExpired(now: 1101) == [self.handle(1)])
        // Its second has been checked already: it was waited for.
        buckets.move(self.handle(1), from: 1101, to: 1110)
        #expect(buckets.count == 1)
        #expect(buckets.removeExpired(now: 1110) == [self.handle(1)])
        #expect(buckets.count == 0)
    }

    @Test("connections that come and go leave nothing until their tokens expire")
    func expiriesShrink() {
        var buckets = ExpiryBuckets()
        let alive = Set((0..<100).map { self.handle($0) })
        for handle in alive { buckets.insert(handle, at: 5000) }
        for slot in 100..<100_000 {
            buckets.insert(self.handle(slot), at: .max)
            buckets.forget(1) { alive.contains($0) }
        }
        #expect(buckets.count < 1000)
        #expect(Set(buckets.removeExpired(now: 6000)) == alive)
    }

    @Test("a drain ends all by its deadline, evenly", arguments: [1, 7, 200, 5000])
    func drain(connections: Int) {
        let start = MonotonicInstant(nanoseconds: 0)
        var plan = DrainPlan(deadline: start.advanced(by: .seconds(20)))
        var open = connections
        var most = 0
        var lastEnd = 0
        for tick in 0...200 {
            let share = plan.share(of: open, now: start.advanced(by: .milliseconds(100 * tick)), tick: .milliseconds(100))
            most = max(most, share)
            open -= share
            if share > 0 { lastEnd = tick }
        }
        #expect(open == 0)
        #expect(most <= connections / 200 + 1)
        #expect(lastEnd >= 199)
    }

    @Test("a drain without a window ends all at once")
    func drainAtOnce() {
        let now = MonotonicInstant(nanoseconds: 5)
        var plan = DrainPlan(deadline: now)
        #expect(plan.share(of: 12, now: now, tick: .milliseconds(100)) == 12)
        #expect(plan.share(of: 0, now: now, tick: .milliseconds(100)) == 0)
    }
}
