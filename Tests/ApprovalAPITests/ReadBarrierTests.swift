import EventLog
import HTTPAPI
import Testing

@testable import approval_api

@Suite("The read barrier")
struct ReadBarrierTests {
    @Test("A stream created again is not mistaken for the former one at the same position")
    func recreatedStream() async throws {
        let bench = try await ApprovalBench()
        let inbox = InboxStream(beside: bench.log).followed
        let records = FollowedStream(bench.records.stream, beside: bench.log)
        let barrier = ReadBarrier(model: bench.model, log: bench.log, inbox: inbox, approvals: records, patience: .seconds(10))
        let life = try await inbox.bounds().life
        _ = try await bench.model.follow(.inbox, life: life - 1, last: 0, isRecognised: true)
        await #expect(throws: APIError.self) { try await barrier.ofInbox() }
        _ = try await bench.model.follow(.inbox, life: life, last: 0, isRecognised: true)
        #expect(try await barrier.ofInbox().life == life)
    }
}
