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
