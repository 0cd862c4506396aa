import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EdgeTestKit
import EventModel
import Glibc
import HTTPAPI
import HTTPTypes
import Hummingbird
import Logging
import Synchronization
import TestKit
import Testing

@testable import ServiceKit
@testable import sse_edge

/// The two accept paths: the quick door, for requests that it can answer at once, and the NIO front.
///
/// The other tests of this target run on both.
@Suite("Quick door", .timeLimit(.minutes(5)))
struct QuickDoorTests {
    private static let target = "/v1/notifications/stream"
    /// Method, target, header fields, expected status.
    private static let others: [(String, String, [String], Int)] = [
        ("HEAD", target, [], 200), ("GET", target + "?types=%", [], 400), ("GET", target, ["Expect: 100-continue"], 200),
        ("GET", target, ["Content-Length: 0"], 200), ("GET", target + "/", [], 200), ("GET", "/v1/nothing", [], 404),
        ("OPTIONS", target, [], 204), ("POST", target, ["Content-Length: 0"], 405),
    ]

    @Test func opensAPlainRequestAtOnce() async throws {
        try await SSEBench.run { bench in
            let answer = try await bench.stream()
            #expect(bench.edge.edge.statistics.quickOpenings == (bench.isQuick ? 1 : 0))
            try await bench.edge.publish("incident.created", #"{"incidentId":"i-1","title":"t"}"#)
            #expect(string(await answer.wire.read { string($0).contains("i-1") }).contains("event: incident.created"))
        }
    }

    @Test("everything else takes the way of the front, and gets its answer", arguments: others)
    func leavesTheRestToTheFront(method: String, target: String, fields: [String], status: Int) async throws {
        try await SSEBench.run { bench in
            let answer = try await bench.request(target, method: method, fields)
            #expect(answer.status == status)
            #expect(bench.edge.edge.statistics.quickOpenings == 0)
        }
    }

    @Test func everyLoopAcceptsAndDelivers() async throws {
        try await SSEBench.run({ $0.deliveryLoops = 3 }) { bench in
            var answers: [Answer] = []
            for _ in 0..<24 { answers.append(try await bench.stream()) }
            #expect(bench.edge.edge.statistics.connections == 24)
            try await bench.edge.publish("incident.created", #"{"incidentId":"i-1","title":"t"}"#)
            for answer in answers { #expect(string(await answer.wire.read { string($0).contains("i-1") }).contains("i-1")) }
            #expect(bench.edge.edge.statistics.quickOpenings == (bench.isQuick ? 24 : 0))
        }
    }

    @Test func waitsForNoHeadThatComesInPieces() async throws {
        try await SSEBench.run { bench in
            let token = try await bench.edge.token(tenant: "acme", user: "ann", roles: [.member])
            let wire = try Wire(bench.port)
            try wire.send(Array("GET \(Self.target) HTTP/1.1\r\nHost: a\r\nAuthori".utf8))
            // When a later connection was answered, the acceptor has read the first piece.
            _ = try await bench.stream()
            try wire.send(Array("zation: Bearer \(token)\r\n\r\n".utf8))
            #expect(string(await wire.read { string($0).contains("retry: ") }).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func answersCursorsOutsideOfMemory() async throws {
        try await SSEBench.run { bench in
            try await bench.edge.publish("incident.created", #"{"incidentId":"i-1","title":"t"}"#)
            for cursor in ["", "nonsense", "evt_01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
                let answer = try await bench.stream("", ["Last-Event-ID: \(cursor)"])
                let sign = cursor.isEmpty ? "i-1" : "stream.gap"
                #expect(string(await answer.wire.read { string($0).contains(sign) }).contains(sign))
            }
            #expect(bench.edge.edge.statistics.quickOpenings == (bench.isQuick ? 3 : 0))
        }
    }

    @Test func opensAStreamWhenTheLogWasRead() async throws {
        try await SSEBench.run { bench in
            bench.edge.gate.set(.closed)
            async let held = bench.stream("", [Self.oldCursor])
            #expect(await eventually { bench.edge.gate.requests == 1 })
            // Others do not wait for it.
            let other = try await bench.stream()
            withExtendedLifetime(other) {
                #expect(bench.edge.edge.statistics.connections == 1)
                // It takes a place of its tenant while it waits.
                #expect(bench.edge.edge.connectionCount(of: "acme") == 2)
            }
            bench.edge.gate.set(.open)
            let answer = try await held
            #expect(string(await answer.wire.read { string($0).contains("stream.gap") }).contains("stream.gap"))
            #expect(bench.edge.edge.statistics.quickOpenings == (bench.isQuick ? 2 : 0))
        }
    }

    @Test func theFrontAnswersWhenTheLogIsOutOfReach() async throws {
        try await SSEBench.run { bench in
            bench.edge.gate.set(.failing)
            let answer = try await bench.request(Self.target, [Self.oldCursor])
            #expect(string(await answer.wire.readToEnd() ?? []).contains("unavailable"))
            // The door has asked before.
            #expect(bench.edge.gate.requests == (bench.isQuick ? 2 : 1))
            #expect(bench.edge.edge.connectionCount(of: "acme") == 0)
        }
    }

    @Test func aClosingDoorEndsWhatWaits() async throws {
        try await SSEBench.run { bench in
            // A loop has one door.
            guard !bench.isQuick else { return }
            bench.edge.gate.set(.closed)
            let door = EdgeDoor(bench.edge.edge, surface: OldCursorSurface(), logger: bench.edge.logger)
            let budget = DescriptorBudget { 100 }
            let address = try door.open(host: "127.0.0.1", port: 0, backlog: 16, budget: budget) { close($0) }
            let wire = try Wire(try #require(address.port))
            try wire.send(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
            #expect(await eventually { bench.edge.gate.requests == 1 })
            #expect(budget.use.streams == 1 && bench.edge.edge.connectionCount(of: "acme") == 1)
            await door.close()
            #expect(bench.edge.edge.connectionCount(of: "acme") == 0)
            bench.edge.gate.set(.open)
            #expect(await eventually { bench.edge.gate.answers == 1 })
            let text = string(try #require(await wire.readToEnd()))
            #expect(text.contains("draining") && !text.contains("stream.gap"))
            #expect(await eventually { budget.use.held == 0 })
            #expect(bench.edge.edge.statistics.quickOpenings == 0)
        }
    }

    private static let oldCursor = "Last-Event-ID: nonsense"

    /// Takes every request for a stream with a cursor that memory does not know.
    private struct OldCursorSurface: DoorSurface {
        func stream(for request: HTTPRequest) -> (stream: StreamRequest, route: String)? {
            let ann = Principal(user: "ann", tenant: "acme", roles: [.member], expiresAt: .max)
            let encoder = NotificationStreamEncoder()
            return (StreamRequest(principal: ann, start: .cursor("nonsense"), encoder: encoder, head: [], requestID: "r"), "/")
        }

        func opened(_ stream: StreamRequest, at route: String, for request: HTTPRequest, after duration: Duration) {}
    }

    @Test func aTakenPortIsAnError() async throws {
        try await SSEBench.run { bench in
            guard bench.isQuick else { return }
            let settings = try Settings(schema: App.schema, environment: ["HTTP_HOST": "127.0.0.1", "HTTP_PORT": "\(bench.port)"])
            let second = PublicListener(
                router: Router.api(),
                settings: settings,
                budget: .ofProcess(),
                door: DoorRoutes().quickDoor(of: bench.edge.edge, settings, bench.edge.logger),
                readiness: Readiness(),
                logger: bench.edge.logger
            )
            let error = await #expect(throws: ListenerError.self) { try await second.run() }
            #expect(error?.message.contains("in use") == true)
        }
    }
}
