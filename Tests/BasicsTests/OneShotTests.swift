import Basics
import TestKit
import Testing

@Suite("A value that is set once", .timeLimit(.minutes(5))) struct OneShotTests {
    @Test func aValueThatIsThereIsReturnedWhateverTheLimit() async throws {
        let shot = OneShot<Int>()
        #expect(shot.value == nil && !shot.isSettled)
        #expect(shot.settle(1))
        #expect(!shot.settle(2))
        #expect(try await shot.value(within: .zero) == 1)
        #expect(try await shot.value() == 1)
        #expect(shot.value == 1 && shot.isSettled)
    }

    @Test func allWaitersGetTheValue() async throws {
        let shot = OneShot<Int>()
        let waiters = (0..<10).map { _ in Task { try await shot.value(within: .seconds(60)) } }
        #expect(await eventually { shot.waiterCount == 10 })
        shot.settle(7)
        for waiter in waiters { #expect(try await waiter.value == 7) }
        #expect(shot.waiterCount == 0)
    }

    @Test func aWaitEndsAtItsDeadlineAndLeavesTheOthers() async throws {
        let shot = OneShot<Int>()
        let patient = Task { try await shot.value() }
        #expect(await eventually { shot.waiterCount == 1 })
        await #expect(throws: WaitError.deadlineExceeded) { try await shot.value(within: .milliseconds(1)) }
        await #expect(throws: WaitError.deadlineExceeded) { try await shot.value(within: .zero) }
        await #expect(throws: WaitError.deadlineExceeded) { try await shot.value(within: .seconds(-1)) }
        #expect(shot.waiterCount == 1)
        shot.settle(1)
        #expect(try await patient.value == 1)
    }

    @Test func aWaitEndsWithItsTask() async {
        let shot = OneShot<Int>()
        let before = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await shot.value()
        }
        before.cancel()
        await #expect(throws: WaitError.cancelled) { try await before.value }
        let meanwhile = Task { try await shot.value(within: .seconds(60)) }
        #expect(await eventually { shot.waiterCount == 1 })
        meanwhile.cancel()
        await #expect(throws: WaitError.cancelled) { try await meanwhile.value }
        #expect(shot.waiterCount == 0)
    }

    @Test func aCancellationMaySettleIt() async {
        let shot = OneShot<Int>()
        let task = Task { await shot.value(onCancel: { shot.settle(1) }) }
        #expect(await eventually { shot.waiterCount == 1 })
        task.cancel()
        #expect(await task.value == 1)
        let before = OneShot<Int>()
        let cancelled = Task {
            while !Task.isCancelled { await Task.yield() }
            return await before.value(onCancel: { before.settle(2) })
        }
        cancelled.cancel()
        #expect(await cancelled.value == 2)
    }

    /// Many waits, ended in every way at once: each ends exactly once, or this would trap or hang.
    @Test func everyWaitEndsOnce() async {
        for _ in 0..<20 {
            let shot = OneShot<Int>()
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<60 {
                    let waiter = Task { try? await shot.value(within: .microseconds(index % 5 * 100)) }
                    group.addTask { _ = await waiter.value }
                    if index % 3 == 0 { group.addTask { waiter.cancel() } }
                }
                group.addTask { shot.settle(1) }
            }
            #expect(shot.waiterCount == 0)
        }
    }
}
