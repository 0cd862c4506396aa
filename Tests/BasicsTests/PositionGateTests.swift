import Basics
import TestKit
import Testing

@Suite(.timeLimit(.minutes(5))) struct PositionGateTests {
    @Test func letsThroughWhatIsReached() async {
        let gate = PositionGate()
        gate.advance(to: 5)
        #expect(await gate.wait(for: 5, atMost: .seconds(60)))
        async let later = gate.wait(for: 7, atMost: .seconds(60))
        async let last = gate.wait(for: 9, atMost: .seconds(60))
        gate.advance(to: 6)
        gate.advance(to: 8)
        #expect(await later)
        gate.advance(to: 9)
        #expect(await last)
        gate.advance(to: 3)
        #expect(gate.position == 9)
        gate.reset()
        #expect(gate.position == 0)
    }

    @Test func givesUpWhenTheTimeIsOver() async {
        #expect(await !PositionGate().wait(for: 1, atMost: .milliseconds(1)))
        #expect(await !PositionGate().wait(for: 1, atMost: .zero))
    }

    @Test func givesUpWhenTheTaskIsCancelled() async {
        let gate = PositionGate()
        let before = Task {
            // Ends at the cancellation below, so that the wait begins in a task that is already cancelled.
            try? await Task.sleep(for: .seconds(60))
            return await gate.wait(for: 1, atMost: .seconds(60))
        }
        before.cancel()
        #expect(await !before.value)
        let meanwhile = Task { await gate.wait(for: 1, atMost: .seconds(60)) }
        #expect(await eventually { gate.waiting == 1 })
        meanwhile.cancel()
        #expect(await !meanwhile.value)
        #expect(gate.waiting == 0)
    }

    /// Many waits, ended in every way at once: each is answered once, or this would trap or hang.
    @Test func everyWaitEndsOnce() async {
        let gate = PositionGate()
        let reached = await withTaskGroup(of: Bool.self) { group in
            for index in 0..<500 {
                group.addTask { await gate.wait(for: UInt64(index % 50 + 1), atMost: .microseconds(Int64(index % 7) * 200)) }
            }
            group.addTask {
                for position in 1...50 as ClosedRange<UInt64> {
                    gate.advance(to: position)
                    await Task.yield()
                }
                return true
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(reached >= 1)
        #expect(gate.waiting == 0)
    }
}
