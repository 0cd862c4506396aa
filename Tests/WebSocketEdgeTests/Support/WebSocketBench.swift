import AccessControl
import Basics
import EdgeRuntime
import EdgeTestKit
import HTTPAPI
import TestKit
import Testing

@testable import EdgeService
@testable import ServiceKit
@testable import websocket_edge

/// A `websocket-edge` and its clients.
struct WebSocketBench {
    let edge: EdgeBench
    let port: Int
    /// Whether delivery loops accept connections.
    let isQuick: Bool

    /// The fields of a handshake, with the key of RFC 6455 §1.3.
    static let handshake = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    /// Runs `body` with an edge, on a private bus and log: once with the quick door, and once without it.
    ///
    /// - Parameters:
    ///   - environment: settings of the program.
    ///   - keys: the source of the keys for tokens, in place of the bench's secret.
    ///   - followsLog: whether the edge follows the log.
    ///   - configure: as for `EdgeBench`.
    ///   - prepare: runs before the edge follows the log.
    static func run(
        environment: [String: String] = [:],
        origins: OriginPolicy = .own,
        keys: AccessControlConfiguration? = nil,
        followsLog: Bool = true,
        _ configure: (inout EdgeConfiguration) -> Void = { _ in },
        prepare: (EdgeBench) async throws -> Void = { _ in },
        _ body: @Sendable (WebSocketBench) async throws -> Void
    ) async throws {
        for quickDoor in [true, false] {
            let own = ["HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0", "QUICK_DOOR": "\(quickDoor)"]
            let environment = own.merging(environment) { $1 }
            try await run(environment, origins, keys, followsLog: followsLog, configure, prepare: prepare) { edge, port in
                try await body(WebSocketBench(edge: edge, port: port, isQuick: quickDoor))
            }
        }
    }

    private static func run(
        _ environment: [String: String],
        _ origins: OriginPolicy,
        _ keys: AccessControlConfiguration?,
        followsLog: Bool,
        _ configure: (inout EdgeConfiguration) -> Void,
        prepare: (EdgeBench) async throws -> Void,
        _ body: @Sendable (EdgeBench, _ port: Int) async throws -> Void
    ) async throws {
        let bench = try await EdgeBench(configure)
        try await prepare(bench)
        let settings = try Settings(schema: App.schema, environment: environment)
        var authenticator = bench.authenticator
        if let keys { authenticator = try await Authenticator(configuration: keys, logger: bench.logger) }
        let parts = EdgeProcess.Parts(
            edge: bench.edge,
            authenticator: authenticator,
            origins: origins,
            door: DoorRoutes(),
            connection: bench.connection,
            settings: settings,
            metrics: PrometheusMetrics(),
            shares: TenantShares(),
            logger: bench.logger
        )
        try await bench.serve(
            origins: origins,
            followsLog: followsLog,
            listener: { router, logger in
                PublicListener(
                    router: router,
                    settings: settings,
                    budget: .ofProcess(),
                    door: parts.door.quickDoor(of: bench.edge, settings, logger),
                    readiness: Readiness(),
                    logger: logger
                )
            },
            register: { routes in
                WorkspaceStreamRoute(edge: bench.edge, front: WebSocketFront(parts), logger: bench.logger)
                    .register(on: routes, door: parts.door)
            }
        ) { port in
            try await body(bench, port)
        }
    }

    /// Sends a handshake with a query and further fields, and frames after it. Returns the response, whatever its status.
    func request(_ query: String, _ fields: [String] = [], followedBy frames: [UInt8] = []) async throws -> Answer {
        try await Wire.request(port, "GET", "/v1/stream?\(query)", Self.handshake + fields, followedBy: frames)
    }

    /// Connects to the token's workspace.
    func connect(
        _ query: String = "",
        tenant: String = "acme",
        user: String = "ann",
        _ fields: [String] = []
    ) async throws -> Answer {
        let token = try await edge.token(tenant: tenant, user: user, roles: [])
        let answer = try await request("token=\(token)&workspace=\(tenant)\(query)", fields)
        #expect(answer.status == 101)
        return answer
    }
}

/// A server frame.
struct Frame: Equatable, CustomStringConvertible {
    var first: UInt8
    var payload: [UInt8]

    /// Returns a whole, uncompressed text message.
    static func text(_ text: String) -> Frame { Frame(first: 0x81, payload: Array(text.utf8)) }

    var text: String { String(decoding: payload, as: UTF8.self) }

    /// The code of a close frame; nil for another frame.
    var closeCode: Int? { first == 0x88 && payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil }

    /// The reason text of a close frame.
    var closeReason: String { String(decoding: payload.dropFirst(2), as: UTF8.self) }

    var description: String { closeCode.map { "close \($0) \(closeReason)" } ?? "\(String(first, radix: 16)) \(text)" }

    /// Returns the complete frames at the beginning of the bytes. RFC 6455 §5.2; a server does not mask.
    static func all(_ bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let start = rest.startIndex
            let short = Int(rest[start + 1])
            let extended = short == 126 ? 2 : short == 127 ? 8 : 0
            guard rest.count >= 2 + extended else { break }
            let length = extended == 0 ? short : rest[(start + 2)..<(start + 2 + extended)].reduce(0) { $0 << 8 | Int($1) }
            guard rest.count >= 2 + extended + length else { break }
            let end = start + 2 + extended + length
            frames.append(Frame(first: rest[start], payload: Array(rest[(start + 2 + extended)..<end])))
            rest = rest[end...]
        }
        return frames
    }

    /// Returns a masked client frame.
    static func fromClient(_ first: UInt8, _ payload: some Sequence<UInt8>) -> [UInt8] {
        let mask: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
        let payload = Array(payload)
        precondition(payload.count <= UInt16.max, "the test's clients send no frames of the longest form")
        var frame: [UInt8] = [first]
        if payload.count < 126 {
            frame.append(0x80 | UInt8(payload.count))
        } else {
            frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
        }
        return frame + mask + payload.enumerated().map { $0.element ^ mask[$0.offset % 4] }
    }

    /// Returns a client's close frame.
    static func close(_ code: UInt16) -> [UInt8] { fromClient(0x88, [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)]) }
}

extension Answer {
    /// Waits for that many frames, or for the end of the connection.
    func frames(_ count: Int) async -> [Frame] { Frame.all(await bytes { Frame.all($0).count >= count }) }

    /// Returns the frames after the first one, which must be `connected`.
    func frames(behindConnected count: Int) async -> [Frame] {
        let frames = await frames(count + 1)
        #expect(frames.first?.text.hasPrefix(#"{"type":"connected","#) == true)
        return Array(frames.dropFirst())
    }

    /// Returns the only frame of a refused connection: its close frame.
    func refusal() async -> Frame? {
        #expect(status == 101)
        let frames = await frames(1)
        #expect(frames.count == 1)
        return frames.first
    }
}
