import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EdgeTestKit
import HTTPAPI
import Hummingbird
import Testing

@testable import ServiceKit
@testable import sse_edge

/// An `sse-edge` and its clients.
struct SSEBench {
    let edge: EdgeBench
    let port: Int
    /// Whether delivery loops accept connections.
    let isQuick: Bool

    /// The keep-alive interval of a quiet execution stream.
    static let executionHeartbeat: Duration = .milliseconds(100)

    /// Runs `body` with an edge, on a private bus and log: once with the quick door, and once without it.
    ///
    /// - Parameters:
    ///   - origins: the allowed origins.
    ///   - followsLog: whether the edge follows the log.
    ///   - configure: as for `EdgeBench`.
    ///   - prepare: runs before the edge follows the log.
    static func run(
        origins: OriginPolicy = .own,
        followsLog: Bool = true,
        trustedProxies: TrustedProxies = .none,
        _ configure: (inout EdgeConfiguration) -> Void = { _ in },
        prepare: (EdgeBench) async throws -> Void = { _ in },
        _ body: @Sendable (SSEBench) async throws -> Void
    ) async throws {
        for quickDoor in [true, false] {
            let environment = ["HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0", "QUICK_DOOR": "\(quickDoor)"]
            let bench = try await EdgeBench(trustedProxies: trustedProxies, configure)
            try await prepare(bench)
            try await run(bench, environment, origins: origins, followsLog: followsLog) { edge, port in
                try await body(SSEBench(edge: edge, port: port, isQuick: quickDoor))
            }
        }
    }

    private static func run(
        _ bench: EdgeBench,
        _ environment: [String: String],
        origins: OriginPolicy,
        followsLog: Bool,
        _ body: @Sendable (EdgeBench, _ port: Int) async throws -> Void
    ) async throws {
        let settings = try Settings(schema: App.schema, environment: environment)
        let door = DoorRoutes()
        try await bench.serve(
            origins: origins,
            followsLog: followsLog,
            listener: { router, logger in
                PublicListener(
                    router: router,
                    settings: settings,
                    budget: .ofProcess(),
                    door: door.quickDoor(of: bench.edge, settings, logger),
                    readiness: Readiness(),
                    logger: logger
                )
            },
            register: { routes in
                let streams = routes.group().add(middleware: TicketOutageMiddleware(edge: bench.edge))
                    .authenticated(by: bench.authenticator, opensStream: true)
                NotificationStreamRoute(edge: bench.edge, origins: origins)
                    .register(on: streams, door: door, authenticator: bench.authenticator)
                ExecutionStreamRoute(edge: bench.edge, heartbeatInterval: executionHeartbeat, origins: origins).register(on: streams)
            }
        ) { port in
            try await body(bench, port)
        }
    }

    /// Sends a request, by default with a token in the header `Authorization`.
    func request(
        _ target: String,
        method: String = "GET",
        tenant: String = "acme",
        user: String = "ann",
        roles: Set<Role> = [.member],
        isAuthorized: Bool = true,
        _ fields: [String] = []
    ) async throws -> Answer {
        let token = try await edge.token(tenant: tenant, user: user, roles: roles)
        return try await Wire.request(port, method, target, (isAuthorized ? ["Authorization: Bearer \(token)"] : []) + fields)
    }

    /// Requests the notification stream.
    func stream(
        _ query: String = "",
        tenant: String = "acme",
        user: String = "ann",
        _ fields: [String] = []
    ) async throws -> Answer {
        let answer = try await request("/v1/notifications/stream\(query)", tenant: tenant, user: user, fields)
        #expect(answer.status == 200)
        return answer
    }
}

/// Returns the text after the opening block of a notification or execution stream; all text if there is no such block.
func behindOpening(_ text: String) -> String {
    guard text.hasPrefix("retry: "), let end = text.firstRange(of: "\n\n") else { return text }
    return String(text[end.upperBound...])
}

/// Returns the reconnection delay in a text that must be `retry: <digits>\n` followed by `rest`.
func retry(_ text: String, before rest: String) -> Int? {
    guard text.hasPrefix("retry: "), text.hasSuffix("\n" + rest) else { return nil }
    let digits = text.dropFirst(7).dropLast(rest.count + 1)
    return digits.allSatisfy(\.isASCII) ? Int(digits) : nil
}

func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
