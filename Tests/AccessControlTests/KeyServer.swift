import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// An identity provider on loopback: one document, and the ways in which its server can fail.
final class KeyServer: Sendable {
    enum Answer: Sendable {
        case document(Data)
        case status(HTTPResponse.Status)
        case redirect(String)
        /// The head, and then nothing.
        case silence
        /// A byte now and then, for ever.
        case drip
    }

    private struct State {
        var answer: Answer
        var requests = 0
        var port = 0
    }

    private let state: Mutex<State>

    private init(_ answer: Answer) {
        state = Mutex(State(answer: answer))
    }

    var url: String { "http://127.0.0.1:\(state.withLock(\.port))/jwks.json" }
    var requests: Int { state.withLock(\.requests) }

    func answer(with answer: Answer) {
        state.withLock { $0.answer = answer }
    }

    /// Runs a server while `body` runs; afterwards its port refuses connections.
    static func run<Result: Sendable>(_ answer: Answer, _ body: @Sendable (KeyServer) async throws -> Result) async throws -> Result {
        let server = KeyServer(answer)
        let router = Router()
        router.get("jwks.json") { _, _ in try await server.respond() }
        let (started, continuation) = AsyncStream.makeStream(of: Void.self)
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                server.state.withLock { $0.port = channel.localAddress?.port ?? 0 }
                continuation.finish()
            },
            logger: Logger(label: "key-server", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await application.runService(gracefulShutdownSignals: [])
            }
            defer { group.cancelAll() }
            for await _ in started {}
            return try await body(server)
        }
    }

    private func respond() async throws -> Response {
        let answer = state.withLock { state in
            state.requests += 1
            return state.answer
        }
        switch answer {
        case .document(let data):
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
        case .status(let status):
            return Response(status: status)
        case .redirect(let target):
            return Response(status: .found, headers: [.location: target])
        case .silence:
            // The fault under test: the body never comes. Stopping the server cancels the sleep.
            return Response(status: .ok, body: ResponseBody { _ in try await Task.sleep(for: .seconds(3600)) })
        case .drip:
            return Response(
                status: .ok,
                body: ResponseBody { writer in
                    while true {
                        try await writer.write(ByteBuffer(string: " "))
                        // The fault under test is the pace: slow enough to outlast a deadline, never silent.
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
            )
        }
    }
}
