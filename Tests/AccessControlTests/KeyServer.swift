import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An identity provider on loopback: one document, and the ways in which its server can fail.
///
/// On NIO's handlers alone: a Hummingbird server that is cancelled while it accepts a connection drops an asynchronous channel, and NIO traps.
final class KeyServer: Sendable {
    enum Answer: Sendable {
        case document(Data)
        case status(HTTPResponseStatus)
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
        var connections: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
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
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                server.accepted(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Answering(server))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.state.withLock { $0.port = listener.localAddress?.port ?? 0 }
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(server)) } catch { result = .failure(error) }
        try await listener.close()
        await server.closeConnections()
        return try result.get()
    }

    private func accepted(_ channel: any Channel) {
        let isStopping = state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = channel
            return state.isStopping
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.connections[ObjectIdentifier(channel)] = nil } }
        if isStopping { channel.close(promise: nil) }
    }

    private func closeConnections() async {
        let connections = state.withLock { state in
            state.isStopping = true
            return Array(state.connections.values)
        }
        for connection in connections { try? await connection.close() }
    }

    private func takeAnswer() -> Answer {
        state.withLock { state in
            state.requests += 1
            return state.answer
        }
    }

    /// Answers the requests of one connection.
    private final class Answering: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let server: KeyServer

        init(_ server: KeyServer) {
            self.server = server
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .end = Self.unwrapInboundIn(data) else { return }
            switch server.takeAnswer() {
            case .document(let data):
                writeHead(.ok, ["content-length": "\(data.count)"], context)
                context.write(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: data)))), promise: nil)
                writeEnd(context)
            case .status(let status):
                writeHead(status, status.mayHaveResponseBody ? ["content-length": "0"] : [:], context)
                writeEnd(context)
            case .redirect(let target):
                writeHead(.found, ["location": target, "content-length": "0"], context)
                writeEnd(context)
            case .silence:
                writeHead(.ok, [:], context)
                context.flush()
            case .drip:
                writeHead(.ok, [:], context)
                context.flush()
                // The fault under test is the pace: slow enough to outlast a deadline, never silent.
                drip(context)
            }
        }

        private func drip(_ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            context.writeAndFlush(Self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: " ")))), promise: nil)
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(20)) { self.drip(context) }
        }

        private func writeHead(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
            context.write(Self.wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))), promise: nil)
        }

        private func writeEnd(_ context: ChannelHandlerContext) {
            context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
