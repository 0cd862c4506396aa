import Synchronization
import TestKit
import Testing

@testable import approval_api

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

@Suite(.timeLimit(.minutes(5))) struct SharedQuestionTests {
    /// Answers when it is told to, with how often it was asked.
    private final class Oracle: Sendable {
        private struct State {
            var asked = 0
            var held: [CheckedContinuation<Int, any Error>] = []
        }

        private let state = Mutex(State())

        var asked: Int { state.withLock { $0.asked } }

        func ask() async throws -> Int {
            try await withCheckedThrowingContinuation { continuation in
                state.withLock { state in
                    state.asked += 1
                    state.held.append(continuation)
                }
            }
        }

        func answer() {
            let (continuation, number) = state.withLock { ($0.held.removeFirst(), $0.asked) }
            continuation.resume(returning: number)
        }
    }

    @Test func whoComesMeanwhileSharesTheNextAnswer() async throws {
        let oracle = Oracle()
        let question = SharedQuestion { try await oracle.ask() }
        let first = Task { try await question.ask() }
        #expect(await eventually { oracle.asked == 1 })
        let others = (0..<10).map { _ in Task { try await question.ask() } }
        #expect(await eventually { await question.isAwaited })
        // All of them have to be in line; they cannot be seen there, so they are given the actor's turn.
        for _ in 0..<100 { _ = await question.isAwaited }
        oracle.answer()
        #expect(try await first.value == 1)
        #expect(await eventually { oracle.asked == 2 })
        oracle.answer()
        for other in others { #expect(try await other.value == 2) }
        #expect(oracle.asked == 2)
    }

    @Test func afterAnAnswerTheQuestionIsPutAgain() async throws {
        let count = Mutex(0)
        let question = SharedQuestion {
            count.withLock { count in
                count += 1
                return count
            }
        }
        #expect(try await question.ask() == 1)
        #expect(try await question.ask() == 2)
    }
}
