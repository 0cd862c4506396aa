import AccessControl
import Dispatch
import EventModel
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import event_producer

/// Which thread handles a request. The executor stands for a connection's event loop.
struct IntakeGateTests {
    private final class Loop: TaskExecutor {
        private let queue = DispatchQueue(label: "loop")
        private let key = DispatchSpecificKey<Bool>()

        init() { queue.setSpecific(key: key, value: true) }

        var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            let executor = asUnownedTaskExecutor()
            queue.async { job.runSynchronously(on: executor) }
        }
    }

    @Test(arguments: [(IntakeGate.briefBytes, true), (IntakeGate.briefBytes + 1, false)])
    func onlyABriefBodyIsHandledOnTheEventLoop(bytes: Int, isOnLoop: Bool) async throws {
        let gate = IntakeGate(IntakeLimits())
        let publisher = try Publisher(Principal(user: "svc", tenant: "acme", roles: [.producer], expiresAt: .max))
        let body = ByteBuffer(repeating: UInt8(ascii: " "), count: bytes)
        let request = Request(head: HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/"), body: RequestBody(buffer: body))
        let loop = Loop()
        let seen = Mutex<[Bool]>([])
        let status = try await withTaskExecutorPreference(loop) {
            try await gate.admit(request, from: publisher) { body in
                seen.withLock { $0.append(loop.isCurrent) }
                return body.readableBytes
            } storing: { count in
                seen.withLock { $0.append(loop.isCurrent) }
                #expect(count == bytes)
                return Response(status: .accepted)
            }.status
        }
        #expect(status == .accepted)
        #expect(seen.withLock { $0 } == [isOnLoop, isOnLoop])
    }
}
