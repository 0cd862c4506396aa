import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Prints what comes on a WebSocket, the workspace stream or the relay, after it has sent what is to be sent (docs/consuming.md).
@main
struct WebSocketExample {
    typealias Frames = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard arguments.count >= 3, let url = URL(string: arguments[1]), let host = url.host, let port = url.port else {
            return say("usage: websocket-example http://HOST:PORT PATH TOKEN [MESSAGE…]")
        }
        guard let socket = try await connect(host: host, port: port, path: arguments[2], token: arguments[3]) else {
            return say("The server did not open a WebSocket: are the path and the address right?")
        }
        try await socket.executeThenClose { incoming, outgoing in
            for message in arguments.dropFirst(3) {
                try await outgoing.write(frame(.text, ByteBuffer(string: message)))
            }
            try await receive(incoming, outgoing)
        }
    }

    /// Opens the WebSocket; nil if the server answers with something else.
    static func connect(host: String, port: Int, path: String, token: String) async throws -> Frames? {
        let upgrade = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: host, port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                let upgrader = NIOTypedWebSocketClientUpgrader<Frames?>(
                    maxFrameSize: 1 << 20,
                    upgradePipelineHandler: { channel, _ in
                        channel.eventLoop.makeCompletedFuture { try Frames(wrappingChannelSynchronously: channel) }
                    }
                )
                let headers: HTTPHeaders = ["Host": "\(host):\(port)", "Authorization": "Bearer \(token)"]
                let configuration = NIOTypedHTTPClientUpgradeConfiguration(
                    upgradeRequestHead: HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers),
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { $0.close().map { nil } }
                )
                var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: configuration)
                pipeline.leftOverBytesStrategy = .forwardBytes  // The first message may come along with the server's answer.
                return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: pipeline)
            }
        }
        return try await upgrade.get()
    }

    /// Prints each message until the server closes, and answers its pings.
    static func receive(
        _ incoming: NIOAsyncChannelInboundStream<WebSocketFrame>,
        _ outgoing: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws {
        var message = ByteBuffer()  // Of several frames, perhaps.
        for try await received in incoming {
            var data = received.unmaskedData
            switch received.opcode {
            case .text, .continuation:
                message.writeImmutableBuffer(data)
                guard received.fin else { continue }
                say(String(buffer: message))
                message.clear()
            case .ping:
                try await outgoing.write(frame(.pong, data))
            case .connectionClose:
                let code = data.readInteger(as: UInt16.self)
                return say("closed: \(code.map(String.init) ?? "no code") \(String(buffer: data))")
            default:
                continue
            }
        }
    }

    /// A frame from the client, which RFC 6455 wants masked.
    static func frame(_ opcode: WebSocketOpcode, _ data: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: data)
    }
}

/// Prints a line at once, into pipes too.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
