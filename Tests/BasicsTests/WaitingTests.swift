import Basics
import Dispatch
import TestKit
import Testing

@Suite("Deadlines", .timeLimit(.minutes(5))) struct DeadlineTests {
    private struct Failure: Error {}

    @Test func anOperationInTimeIsReturned() async throws {
        #expect(try await withDeadline(.seconds(60)) { 1 } == 1)
        await #expect(throws: Failure.self) { try await withDeadline(.seconds(60)) { throw Failure() } }
    }

    @Test func anOperationBeyondItsTimeIsCancelled() async {
        await #expect(throws: WaitError.deadlineExceeded) {
            // The operation under test: it ends only by the cancellation at the deadline.
            try await withDeadline(.milliseconds(1)) { try await Task.sleep(for: .seconds(60)) }
        }
    }

    @Test func aCancellationIsNoDeadline() async {
        let shot = OneShot<Int>()
        let task = Task { try await withDeadline(.seconds(60)) { try await shot.value() } }
        #expect(await eventually { shot.waiterCount == 1 })
        task.cancel()
        switch await task.result {
        case .failure(let error): #expect(error is CancellationError || error as? WaitError == .cancelled)
        case .success: Issue.record("a cancelled wait has no value")
        }
    }

    @Test func aQueueRunsABlockingCall() async {
        #expect(await DispatchQueue(label: "test").run { 1 } == 1)
    }
}

@Suite("Signals", .timeLimit(.minutes(5))) struct SignalTests {
    @Test func aRaisedSignalIsRememberedOnce() async {
        let signal = Signal()
        signal.raise()
        signal.raise()
        await signal.wait()
        let waiting = Task { await signal.wait() }
        signal.raise()
        await waiting.value
    }

    @Test func aWaitEndsInTimeAndWithItsTask() async {
        let signal = Signal()
        await signal.wait(atMost: .milliseconds(1))
        await signal.wait(atMost: .zero)
        let waiting = Task { await signal.wait() }
        waiting.cancel()
        await waiting.value
        // The waits that ended took nothing away from the next.
        signal.raise()
        await signal.wait()
    }
}

@Suite struct BackoffTests {
    @Test func growsToItsBoundAndStartsOver() {
        var backoff = Backoff(first: .milliseconds(10), longest: .milliseconds(40))
        for expected in [10, 20, 40, 40] as [Int64] {
            #expect((Duration.milliseconds(expected) / 2 ... .milliseconds(expected)).contains(backoff.pause()))
        }
        backoff.reset()
        #expect(backoff.pause() <= .milliseconds(10))
    }
}
