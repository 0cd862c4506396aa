import AccessControl
import Basics
import CausewayProducer
import EdgeRuntime
import EdgeTestKit
import EventModel
import HTTPAPI
import TestKit
import Testing

@testable import sse_edge

/// `GET /api/streaming/agents/{name}/stream`, and the same for workflows, over a socket (contract §9).
@Suite(.timeLimit(.minutes(2))) struct ExecutionStreamTests {
    private static let unknownCursor = "event: stream.gap\ndata: {\"reason\":\"unknown_cursor\"}\n\n"
    private static let expired = "event: stream.gap\ndata: {\"reason\":\"expired\"}\n\n"

    /// Returns the block of an event with the payload `{"n":<number>}`.
    private static func block(_ number: UInt64, _ type: String = "thinking") -> String {
        "id: \(number)\nevent: \(type)\ndata: {\"n\":\(number)}\n\n"
    }

    /// Returns a stream's text without the opening block and the heartbeats, whose times vary.
    private static func events(_ text: String) -> String {
        behindOpening(text).replacing(": heartbeat\n\n", with: "")
    }

    @Test("an execution is shown from its first event to its final one, behind which the response ends; the head names it")
    func whole() async throws {
        try await SSEBench.run { bench in
            try await bench.think("triage v2", run: "run é", 1)
            let answer = try await bench.view("agents/triage%20v2")
            #expect(answer.status == 200)
            #expect(answer.fields["content-type"] == "text/event-stream; charset=utf-8")
            #expect(answer.fields["cache-control"] == "no-cache, no-transform")
            #expect(answer.fields["x-accel-buffering"] == "no")
            #expect(answer.fields["content-length"] == nil)
            // Visible ASCII.
            #expect(answer.fields["causeway-execution"] == "run%20%C3%A9")
            let first = await answer.text { $0.contains("thinking") && $0.hasSuffix("\n\n") }
            let opening = first.prefix(first.count - behindOpening(first).count)
            #expect((1000...3000).contains(retry(String(opening), before: "\n") ?? 0))
            try await bench.think("triage v2", 2)
            try await bench.think("triage v2", 3, type: "complete")
            let text = try #require(await answer.ended)
            #expect(Self.events(text) == Self.block(1) + Self.block(2) + Self.block(3, "complete"))
        }
    }

    @Test("a workflow is another thing than an agent of the same name, and of another tenant there is nothing")
    func kinds() async throws {
        try await SSEBench.run { bench in
            try await bench.think("deploy", 1, type: "complete")
            let none = try await bench.view("workflows/deploy")
            #expect(none.status == 404)
            #expect(await none.body.hasPrefix(#"{"error":"not_found","message":""#))
            #expect(try await bench.view("agents/deploy", tenant: "globex").status == 404)
            try await bench.edge.producer.publish("workflow_failed", workflow: "deploy", tenant: "acme", payload: ["n": 1])
            let answer = try await bench.view("workflows/deploy")
            #expect(Self.events(try #require(await answer.ended)) == Self.block(1, "workflow_failed"))
        }
    }

    @Test("a name in the path is percent-encoded once, whatever it holds; a plus is a plus")
    func names() async throws {
        try await SSEBench.run { bench in
            let names = [
                "a/b": "a%2Fb", "a b": "a%20b", "a+b": "a+b", "50%": "50%25", "é": "%C3%A9", "a%2Fb": "a%252Fb", "a.b": "a.b", "*": "*",
                ">": "%3E", "a?b#c": "a%3Fb%23c", "..a": "..a",
            ]
            for (name, path) in names {
                try await bench.think(name, run: "run of \(name)", 1, type: "complete")
                let answer = try await bench.view("agents/\(path)")
                #expect(answer.status == 200, "\(name)")
                let expected = CloudEventHeaders.encode("run of \(name)")
                #expect(answer.fields["causeway-execution"] == expected, "\(name)")
            }
        }
    }

    @Test("a path or a parameter that cannot be meant is 400 as JSON and names the fault; none of it takes a place")
    func malformed() async throws {
        try await SSEBench.run({ $0.maxConnectionsPerTenant = 1 }) { bench in
            try await bench.think("a", 1)
            let long = String(repeating: "n", count: 257)
            let faults = [
                ("agents/%zz", "name: "), ("agents/%ff", "name: "), ("agents/a%00", "name: "), ("agents/a%0A", "name: "),
                ("agents/\(long)", "name: "),
                ("agents/a%2F..%2Fb", "name: "), ("workflows/%zz", "id: "), ("workflows/a%7F", "id: "),
                ("agents/a?execution=", "execution: "), ("agents/a?execution=a%0A", "execution: "),
                ("agents/a?execution=%zz", "execution: "),
                ("agents/a?execution=a&execution=a", "execution: "), ("agents/a?wait=maybe", "wait: "), ("agents/a?wait=TRUE", "wait: "),
                ("agents/a?wait=true&wait=true", "wait: "),
            ]
            for (target, field) in faults {
                let (path, query) = target.split(separator: "?", maxSplits: 1).count == 2 ? Self.parts(target) : (target, "")
                let answer = try await bench.view(path, query)
                #expect(answer.status == 400, "\(target)")
                #expect(answer.fields["content-type"] == "application/json", "\(target)")
                #expect(await answer.body.hasPrefix("{\"error\":\"validation_error\",\"message\":\"\(field)"), "\(target)")
            }
            let answer = try await bench.view("agents/a")
            #expect(Self.events(await answer.text { Self.events($0) == Self.block(1) }) == Self.block(1))
        }
    }

    private static func parts(_ target: String) -> (String, String) {
        let parts = target.split(separator: "?", maxSplits: 1)
        return (String(parts[0]), "?" + parts[1])
    }

    // MARK: Resuming

    @Test("a viewer goes on behind the number that it names, under every spelling; 0 and nothing are from the first event on")
    func resuming() async throws {
        try await SSEBench.run { bench in
            for number in UInt64(1)...3 { try await bench.think("a", number) }
            try await bench.think("a", 4, type: "complete")
            let all = (UInt64(1)...3).map { Self.block($0) } + [Self.block(4, "complete")]
            let ways: [(query: String, fields: [String], seen: Int)] = [
                ("", ["Last-Event-ID: 2"], 2), ("?last_event_id=1", [], 1), ("?lastEventId=3", [], 3), ("?lastEventID=3", [], 3),
                ("?Last-Event-ID=3", [], 3), ("?last_event_id=3", ["Last-Event-ID: 1"], 1), ("", [], 0), ("?last_event_id=", [], 0),
                ("?last_event_id=0", [], 0), ("?last_event_id=000", [], 0), ("", ["Last-Event-ID:"], 0),
            ]
            for way in ways {
                let answer = try await bench.view("agents/a", way.query, way.fields)
                #expect(Self.events(try #require(await answer.ended)) == all[way.seen...].joined(), "\(way)")
            }
        }
    }

    @Test("a viewer that has seen the final event gets 204, which stops an EventSource, and takes no place")
    func seenAll() async throws {
        try await SSEBench.run({ $0.maxConnectionsPerTenant = 1 }) { bench in
            try await bench.think("a", 1)
            try await bench.think("a", 2, type: "failed")
            for _ in 0..<3 {
                let answer = try await bench.view("agents/a", ["Last-Event-ID: 2"])
                #expect(answer.status == 204)
                #expect(await answer.body.isEmpty)
            }
            #expect(try await bench.request("/api/streaming/agents/a/stream", method: "HEAD", ["Last-Event-ID: 2"]).status == 204)
            // Requests without an id get the next execution.
            try await bench.think("a", 3)
            #expect(try await bench.view("agents/a", ["Last-Event-ID: 2"]).status == 204)
            let next = try await bench.view("agents/a")
            #expect(Self.events(await next.text { Self.events($0) == Self.block(3) }) == Self.block(3))
        }
    }

    @Test("an id of a former execution gets the rest of that one and its end")
    func former() async throws {
        try await SSEBench.run { bench in
            try await bench.think("a", run: "one", 1)
            try await bench.think("a", 2, type: "complete")
            try await bench.think("a", run: "two", 3)
            let answer = try await bench.view("agents/a", ["Last-Event-ID: 1"])
            #expect(answer.fields["causeway-execution"] == "one")
            #expect(Self.events(try #require(await answer.ended)) == Self.block(2, "complete"))
            #expect(try await bench.view("agents/a", ["Last-Event-ID: 2"]).status == 204)
            let current = try await bench.view("agents/a")
            #expect(current.fields["causeway-execution"] == "two")
        }
    }

    @Test("an id beyond the last one, or one that is no number, is answered with a gap and the current execution from its first event")
    func unknownNumber() async throws {
        try await SSEBench.run { bench in
            try await bench.think("a", 1)
            try await bench.think("a", 2, type: "complete")
            let all = Self.unknownCursor + Self.block(1) + Self.block(2, "complete")
            let ids = ["3", "99999999999999999999999", "-1", "1.0", "evt_01HX9VTPQR3KF8MZWBYD5N6JCD", "x", "+1", " 1 1"]
            for id in ids {
                let answer = try await bench.view("agents/a", ["Last-Event-ID: \(id)"])
                #expect(answer.status == 200, "\(id)")
                #expect(Self.events(try #require(await answer.ended)) == all, "\(id)")
            }
            let twice = try await bench.view("agents/a", "?last_event_id=1&lastEventId=1")
            #expect(Self.events(try #require(await twice.ended)) == all)
        }
    }

    @Test("an id whose next events have left the log is answered with expired and what is kept")
    func expiredNumber() async throws {
        try await SSEBench.run(prepare: { edge in
            for number in UInt64(1)...4 {
                try await edge.producer.publish("thinking", agent: "a", tenant: "acme", payload: ["n": number], execution: "one")
            }
            try await edge.purge(before: 4)
        }) { bench in
            let answer = try await bench.view("agents/a", ["Last-Event-ID: 1"])
            let expected = Self.expired + Self.block(4)
            #expect(Self.events(await answer.text { Self.events($0) == expected }) == expected)
            let seen = try await bench.view("agents/a", ["Last-Event-ID: 3"])
            #expect(Self.events(await seen.text { Self.events($0) == Self.block(4) }) == Self.block(4))
        }
    }

    // MARK: Selecting the execution

    @Test("where nothing has run there is 404, which says what to do, and takes no place; wait=true waits for an execution to begin")
    func waiting() async throws {
        try await SSEBench.run({ $0.maxConnectionsPerTenant = 1 }) { bench in
            for query in ["", "?wait=false", "?execution=one"] {
                let answer = try await bench.view("agents/a", query)
                #expect(answer.status == 404)
                #expect(await answer.body.contains(query.hasPrefix("?execution") ? "?execution" : "?wait=true"))
            }
            let waiting = try await bench.view("agents/a", "?wait=true")
            #expect(waiting.status == 200)
            #expect(waiting.fields["causeway-execution"] == nil)
            _ = await waiting.text(until: "\n\n")
            try await bench.think("a", run: "one", 1, type: "complete")
            #expect(Self.events(try #require(await waiting.ended)) == Self.block(1, "complete"))
        }
        try await SSEBench.run { bench in
            let waiting = try await bench.view("workflows/a", "?wait")
            try #require(waiting.status == 200)
            _ = await waiting.text(until: "\n\n")
            try await bench.edge.producer.publish("workflow_complete", workflow: "a", tenant: "acme", payload: ["n": 1])
            #expect(Self.events(try #require(await waiting.ended)) == Self.block(1, "workflow_complete"))
        }
    }

    @Test("one execution is shown by its id, also a former one; an id that the log does not keep is 404")
    func named() async throws {
        try await SSEBench.run { bench in
            try await bench.think("a", run: "one é", 1, type: "complete")
            try await bench.think("a", run: "two", 2, type: "failed")
            let former = try await bench.view("agents/a", "?execution=one%20%C3%A9")
            #expect(former.fields["causeway-execution"] == "one%20%C3%A9")
            #expect(Self.events(try #require(await former.ended)) == Self.block(1, "complete"))
            #expect(try await bench.view("agents/a", "?execution=three").status == 404)
            let current = try await bench.view("agents/a", "?execution=two")
            #expect(Self.events(try #require(await current.ended)) == Self.block(2, "failed"))
        }
    }

    // MARK: Authorisation, heartbeats, endings

    @Test("any valid token of the tenant will do; without one it is 401 as JSON")
    func access() async throws {
        try await SSEBench.run { bench in
            try await bench.think("a", 1, type: "complete")
            for roles in [[], [.producer], [.member], [.admin]] as [Set<Role>] {
                #expect(try await bench.request("/api/streaming/agents/a/stream", roles: roles).status == 200)
            }
            let token = try await bench.edge.token()
            #expect(try await Wire.request(bench.port, "GET", "/api/streaming/agents/a/stream?token=\(token)").status == 200)
            let answer = try await bench.request("/api/streaming/agents/a/stream", isAuthorized: false)
            #expect(answer.status == 401)
            #expect(await answer.body.hasPrefix(#"{"error":"unauthorized","message":""#))
            #expect(try await bench.request("/api/streaming/agents/a/stream", method: "DELETE").status == 405)
            #expect(try await bench.request("/api/streaming/robots/a/stream").status == 404)
        }
    }

    @Test("HEAD answers like GET without a body, and names the execution")
    func head() async throws {
        try await SSEBench.run({ $0.maxConnectionsPerTenant = 1 }) { bench in
            try await bench.think("a", run: "one", 1)
            for _ in 0..<2 {
                let answer = try await bench.request("/api/streaming/agents/a/stream", method: "HEAD")
                #expect(answer.status == 200)
                #expect(answer.fields["causeway-execution"] == "one")
                #expect(answer.fields["content-type"] == "text/event-stream; charset=utf-8")
            }
            #expect(try await bench.request("/api/streaming/agents/b/stream", method: "HEAD").status == 404)
            #expect(try await bench.request("/api/streaming/agents/%zz/stream", method: "HEAD").status == 400)
        }
    }

    @Test("a quiet stream shows that it lives by a comment, at its own interval")
    func heartbeats() async throws {
        try await SSEBench.run { bench in
            try await bench.think("a", 1)
            let answer = try await bench.view("agents/a")
            let beat = ": heartbeat\n\n"
            let text = await answer.text { $0.contains(beat + beat) }
            #expect(behindOpening(text).hasPrefix(Self.block(1) + beat))
        }
    }

    @Test("limits, a drain and a log out of reach are 200 with retry and one stream.end")
    func ends() async throws {
        try await SSEBench.run({ $0.maxConnectionsPerTenant = 1 }) { bench in
            try await bench.think("a", 1)
            let first = try await bench.view("agents/a")
            _ = await first.text { Self.events($0) == Self.block(1) }
            #expect(try await bench.isRefused("limit"))
            await bench.edge.edge.drain()
            let text = try #require(await first.ended)
            let end = "event: stream.end\ndata: {\"reason\":\"draining\"}\n\n"
            #expect(text.hasSuffix("\n" + end))
            #expect(Self.events(text).hasPrefix(Self.block(1) + "retry: "))
            #expect(try await bench.isRefused("draining"))
        }
        try await SSEBench.run(followsLog: false) { bench in
            #expect(try await bench.isRefused("unavailable"))
            #expect(try await bench.view("agents/%zz").status == 400)
            let head = try await bench.request("/api/streaming/agents/a/stream", method: "HEAD")
            #expect(head.status == 200)
        }
    }

    @Test("a token that expires ends its stream with token_expired")
    func expiry() async throws {
        try await SSEBench.run { bench in
            try await bench.think("a", 1)
            let answer = try await bench.view("agents/a")
            _ = await answer.text { Self.events($0) == Self.block(1) }
            bench.edge.setClock(Timestamp(millisecondsSinceEpoch: 1 << 47))
            let text = try #require(await answer.ended)
            #expect(Self.events(text) == Self.block(1) + "event: stream.end\ndata: {\"reason\":\"token_expired\"}\n\n")
        }
    }
}

extension SSEBench {
    /// Requests the stream of an agent or a workflow.
    fileprivate func view(
        _ path: String,
        _ query: String = "",
        tenant: String = "acme",
        _ fields: [String] = []
    ) async throws -> Answer {
        try await request("/api/streaming/\(path)/stream\(query)", tenant: tenant, roles: [], fields)
    }

    fileprivate func view(_ path: String, _ fields: [String]) async throws -> Answer { try await view(path, "", fields) }

    /// Returns whether a viewer of the agent `a` gets only `stream.end` and a retry delay, with that reason.
    fileprivate func isRefused(_ reason: String) async throws -> Bool {
        let answer = try await view("agents/a")
        let body = await answer.body
        return answer.status == 200 && retry(body, before: "event: stream.end\ndata: {\"reason\":\"\(reason)\"}\n\n") != nil
    }

    /// Publishes an event of an agent with the payload `{"n":<number>}`, and expects that number.
    fileprivate func think(_ agent: String, run: String? = nil, _ number: UInt64, type: String = "thinking") async throws {
        let stored = try await edge.producer.publish(type, agent: agent, tenant: "acme", payload: ["n": number], execution: run)
        #expect(stored.number == number)
    }
}
