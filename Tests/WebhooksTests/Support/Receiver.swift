import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestKit

/// A receiver of webhooks on loopback, and the ways in which it can fail. Bytes in and out, so that it can answer what no HTTP library
/// would.
final class Receiver: Sendable {
    /// What it does with a request.
    enum Behaviour: Sendable {
        /// Sends these bytes and keeps the connection.
        case bytes(String)
        /// Sends these bytes and closes the connection.
        case bytesThenClose(String)
        /// Sends these bytes, and then the others again and again as fast as they are taken.
        case endless(String, String)
        /// Sends these bytes, and then a byte now and then for ever.
        case drip(String)
        /// Nothing.
        case silence
        /// Closes the connection with RST.
        case reset

        /// A complete answer.
        static func answer(_ status: Int, _ fields: String = "", body: String = "") -> Behaviour {
            .bytes("HTTP/1.1 \(status) Text\r\ncontent-length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
        }
    }

    /// A request.
    struct Request: Sendable {
        var line: String
        var fields: [String: String]
        var body: [UInt8]
    }

    private struct State {
        var behaviour: Behaviour
        var requests: [Request] = []
        var accepted = 0
        var open: [ObjectIdentifier: any Channel] = [:]
        var isStopping = false
    }

    private let state: Mutex<State>
    private let listener: Mutex<(any Channel)?> = Mutex(nil)

    private init(_ behaviour: Behaviour) {
        state = Mutex(State(behaviour: behaviour))
    }

    /// Requests in the order of their arrival.
    var requests: [Request] { state.withLock { $0.requests } }
    /// Number of connections that were accepted.
    var accepted: Int { state.withLock { $0.accepted } }
    /// Number of open connections.
    var openCount: Int { state.withLock { $0.open.count } }
    /// Its port.
    var port: Int { listener.withLock { $0?.localAddress?.port ?? 0 } }

    /// Changes what it does with further requests.
    func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }

    /// Closes the connections that are open now.
    func closeConnections() async {
        for connection in state.withLock({ Array($0.open.values) }) { try? await connection.close() }
    }

    /// Runs a receiver while `body` runs.
    ///
    /// - Parameters:
    ///   - host: the address to listen at.
    ///   - port: 0 for a free one.
    ///   - certificates: nil without TLS.
    static func run<Result: Sendable>(
        _ behaviour: Behaviour,
        host: String = "127.0.0.1",
        port: Int = 0,
        certificates: TestCertificates? = nil,
        _ body: @Sendable (Receiver) async throws -> Result
    ) async throws -> Result {
        let receiver = Receiver(behaviour)
        let context = try certificates.map { certificates in
            let chain = try NIOSSLCertificate.fromPEMFile(certificates.serverCertificateFile).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: certificates.serverKeyFile, format: .pem)
            return try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
        }
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                receiver.accepted(channel)
                return channel.eventLoop.makeCompletedFuture {
                    if let context { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
                    try channel.pipeline.syncOperations.addHandler(Answering(receiver))
                }
            }
            .bind(host: host, port: port).get()
        receiver.listener.withLock { $0 = listener }
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(receiver)) } catch { result = .failure(error) }
        receiver.state.withLock { $0.isStopping = true }
        try await listener.close()
        await receiver.closeConnections()
        return try result.get()
    }

    private func accepted(_ channel: any Channel) {
        let isStopping = state.withLock { state in
            state.accepted += 1
            state.open[ObjectIdentifier(channel)] = channel
            return state.isStopping
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.open[ObjectIdentifier(channel)] = nil } }
        if isStopping { channel.close(promise: nil) }
    }

    private func take(_ request: Request) -> Behaviour {
        state.withLock { state in
            state.requests.append(request)
            return state.behaviour
        }
    }

    /// Reads requests with a `content-length`, and answers them.
    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let receiver: Receiver
        private var bytes: [UInt8] = []

        init(_ receiver: Receiver) {
            self.receiver = receiver
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += Self.unwrapInboundIn(data).readableBytesView
            while let request = next() { answer(receiver.take(request), context) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func next() -> Request? {
            guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
            var lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n").map(String.init)
            let line = lines.removeFirst()
            let fields = lines.map { $0.split(separator: ": ", maxSplits: 1).map(String.init) }
            let request = Request(
                line: line,
                fields: Dictionary(fields.map { ($0[0].lowercased(), $0.count > 1 ? $0[1] : "") }) { "\($0), \($1)" },
                body: []
            )
            let length = request.fields["content-length"].flatMap { Int($0) } ?? 0
            guard bytes.count >= end.upperBound + length else { return nil }
            defer { bytes.removeSubrange(..<(end.upperBound + length)) }
            return Request(line: line, fields: request.fields, body: Array(bytes[end.upperBound..<(end.upperBound + length)]))
        }

        private func answer(_ behaviour: Behaviour, _ context: ChannelHandlerContext) {
            switch behaviour {
            case .bytes(let text): send(text, context)
            case .bytesThenClose(let text):
                send(text, context)
                context.close(promise: nil)
            case .endless(let head, let more):
                send(head, context)
                flood(more, context)
            case .drip(let head):
                send(head, context)
                drip(context)
            case .silence: break
            case .reset:
                let channel = context.channel
                guard let options = channel as? any SocketOptionProvider else { return }
                options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
            }
        }

        private func send(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        private func flood(_ more: String, _ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            let text = String(repeating: more, count: 100)
            // A write that the socket takes at once would call back at once, deeper and deeper.
            let loop = context.eventLoop
            context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: text))).whenSuccess {
                loop.execute { bound.value.0.flood(more, bound.value.1) }
            }
        }

        private func drip(_ context: ChannelHandlerContext) {
            guard context.channel.isActive else { return }
            send(" ", context)
            // The fault under test is the pace: slow enough to outlast a deadline, never silent.
            context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(10)) { self.drip(context) }
        }
    }
}
