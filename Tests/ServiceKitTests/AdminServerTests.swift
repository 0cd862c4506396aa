import Foundation
import FoundationNetworking
import HTTPAPI
import Hummingbird
import Logging
import Metrics
import NIOCore
import Testing

@testable import ServiceKit

@Suite struct AdminServerTests {
    private let readiness = Readiness()
    private let metrics = PrometheusMetrics()
    private let routes = AdminRoutes()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// Runs the server on a free port while `body` talks to it.
    private func withServer(_ body: (_ port: Int) async throws -> Void) async throws {
        let (ports, opened) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(host: "127.0.0.1", port: 0, readiness: readiness, metrics: metrics, routes: routes, logger: logger) {
            opened.yield($0)
        }
        try await withThrowingTaskGroup { group in
            group.addTask { try await server.run() }
            let port = try #require(await ports.first { _ in true })
            try await body(port)
            group.cancelAll()
            try? await group.waitForAll()
        }
    }

    private func get(_ path: String, port: Int, method: String = "GET") async throws -> (status: Int, type: String?, body: String) {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        let (data, response) = try await URLSession.shared.data(for: request)
        let head = try #require(response as? HTTPURLResponse)
        return (head.statusCode, head.value(forHTTPHeaderField: "Content-Type"), String(decoding: data, as: UTF8.self))
    }

    @Test func answersTheThreeQuestions() async throws {
        readiness.set("bus", .notReady("connecting"))
        Counter(label: "asked", factory: metrics).increment()
        try await withServer { port in
            let health = try await get("/healthz", port: port)
            #expect(health == (200, "application/json", "{\"status\":\"ok\"}\n"))

            let notReady = try await get("/readyz", port: port)
            #expect(notReady.status == 503)
            #expect(notReady.body.contains("{\"name\":\"bus\",\"ready\":false,\"reason\":\"connecting\"}"))
            readiness.set("bus", .ready)
            #expect(try await get("/readyz", port: port).status == 200)
            readiness.beginDraining()
            let draining = try await get("/readyz", port: port)
            #expect(draining.status == 503)
            #expect(draining.body.contains("\"status\":\"draining\""))

            let metrics = try await get("/metrics", port: port)
            #expect(metrics.status == 200)
            #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(metrics.body.contains("\nasked_total 1\n"))
            #expect(try await get("/metrics", port: port, method: "HEAD").body == "")
            #expect(try await get("/v1/notifications", port: port).status == 404)
            #expect(try await get("/healthz", port: port, method: "POST").status == 404)
        }
    }

    @Test func answersTheQuestionsOfItsProcess() async throws {
        routes.get("connections") { request in
            guard request.uri.query == nil else { throw APIError.validation("user: is wrong.") }
            return Response.json(encoded: ByteBuffer(string: "{}"))
        }
        try await withServer { port in
            #expect(try await get("/connections", port: port) == (200, "application/json", "{}"))
            let refused = try await get("/connections?user=", port: port)
            #expect(refused == (400, "application/json", #"{"error":"validation_error","message":"user: is wrong."}"#))
            #expect(try await get("/connections/0", port: port).status == 404)
        }
    }

    @Test(
        arguments: [
            ("127.0.0.1:9081", true), ("[::1]:9081", true), ("10.1.2.3", true), ("localhost:9081", true), ("SSE-edge:9081", true),
            ("sse-edge-0.sse-edge.default.svc.cluster.local:9081", true), ("edge.internal", true), ("evil.example:9081", false),
            ("127.0.0.1.evil.example", false), ("1.2.3", false), ("evillocal.example", false), ("evil.example.", false), ("local.", false),
            ("a b", false), ("", false), (nil, false),
        ] as [(String?, Bool)]
    )
    func theHostOfOperatorsIsNoNameOfThePublicDNS(_ authority: String?, _ isPrivate: Bool) {
        #expect(OperatorHost.isPrivate(authority) == isPrivate)
    }

    @Test func aBusyPortIsOneSentence() async throws {
        try await withServer { port in
            let second = AdminServer(host: "127.0.0.1", port: port, readiness: readiness, metrics: metrics, logger: logger)
            let error = await #expect(throws: ListenerError.self) { try await second.run() }
            #expect(
                error?.message
                    == "port \(port) on 127.0.0.1 is in use by another process: stop that one, or choose another port with --admin-port (ADMIN_PORT)"
            )
        }
    }

    @Test func anAddressOfAnotherMachineIsOneSentence() async throws {
        let server = AdminServer(host: "192.0.2.1", port: 0, readiness: readiness, metrics: metrics, logger: logger)
        let error = await #expect(throws: ListenerError.self) { try await server.run() }
        #expect(error?.message == "192.0.2.1 is not an address of this machine: choose one with --admin-host (ADMIN_HOST)")
    }
}
