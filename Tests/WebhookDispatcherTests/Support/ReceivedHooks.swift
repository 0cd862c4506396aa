import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

/// What came at a receiver, which answers 200 to the first request and 410 to others.
final class ReceivedHooks: Sendable {
    /// The requests, the first first.
    let all = Mutex<[(fields: HTTPFields, body: String)]>([])

    /// The receiver's routes: `POST /hook`.
    var router: Router<BasicRequestContext> {
        let router = Router()
        router.post("hook") { [self] request, _ in
            let body = try await request.body.collect(upTo: 4096)
            let count = all.withLock { received in
                received.append((request.headers, String(buffer: body)))
                return received.count
            }
            return Response(status: count == 1 ? .ok : .gone, body: ResponseBody(byteBuffer: ByteBuffer(string: "seen")))
        }
        return router
    }
}
