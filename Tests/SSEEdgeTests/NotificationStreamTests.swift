import AccessControl
import Basics
import EdgeRuntime
import EdgeTestKit
import EventLog
import EventModel
import HTTPAPI
import TestKit
import Testing

@testable import sse_edge

/// `GET /v1/notifications/stream` over a socket, from the request to the last byte (contract §1, §3, §4).
@Suite(.timeLimit(.minutes(2))) struct NotificationStreamTests {
    /// Returns the block of an event published by `EdgeBench`.
    private static func block(_ cursor: Cursor, type: String = "incident.created", _ members: String = #""incidentId":"i","#) -> String {
        "id: \(cursor.text)\nevent: \(type)\ndata: {\"type\":\"\(type)\",\(members)\"timestamp\":\"2023-11-14T22:13:21.000Z\"}\n\n"
    }

    @Test("a stream has the contract's head, opens with retry and the current cursor, and then delivers what happens")
    func live() async throws {
        try await SSEBench.run { bench in
            try await bench.edge.publish()
            let current = try await bench.edge.publish()
            let answer = try await bench.stream()
            #expect(answer.fields["content-type"] == "text/event-stream; charset=utf-8")
            #expect(answer.fields["cache-control"] == "no-cache, no-transform")
            #expect(answer.fields["x-accel-buffering"] == "no")
            #expect(answer.fields["x-request-id"]?.isEmpty == false)
            #expect(answer.fields["content-length"] == nil)
            #expect(answer.fields["transfer-encoding"] == nil)
            let opening = await answer.text(until: "\n\n")
            let delay = try #require(retry(opening, before: "id: \(current.text)\n\n"))
            #expect((1000...3000).contains(delay))
            let third = try await bench.edge.publish("job.done", #"{"n":1}"#)
            let all = opening + Self.block(third, type: "job.done", #""n":1,"#)
            #expect(await answer.text(until: "Z\"}\n\n") == all)
        }
    }

    @Test("an event with a user reaches that user alone, one of a tenant that tenant alone")
    func audience() async throws {
        try await SSEBench.run { bench in
            let ann = try await bench.stream()
            let bob = try await bench.stream(user: "bob")
            let other = try await bench.stream(tenant: "globex")
            for stream in [ann, bob, other] { _ = await stream.text(until: "\n\n") }
            let forAnn = try await bench.edge.publish(user: "ann")
            let foreign = try await bench.edge.publish(tenant: "globex")
            let forAll = try await bench.edge.publish("job.done", "{}")
            let last = Self.block(forAll, type: "job.done", "")
            #expect(behindOpening(await ann.text(until: last)) == Self.block(forAnn) + last)
            #expect(behindOpening(await bob.text(until: last)) == last)
            #expect(behindOpening(await other.text(until: "\"}\n\n")) == Self.block(foreign))
        }
    }

    // MARK: Cursors

    @Test("a client names its place in the header or under every spelling of the parameter, and gets what came after it")
    func cursorSpellings() async throws {
        try await SSEBench.run { bench in
            let first = try await bench.edge.publish()
            let second = try await bench.edge.publish("job.done", "{}")
            let expected = Self.block(second, type: "job.done", "")
            let ways: [(query: String, fields: [String])] = [
                ("", ["Last-Event-ID: \(first.text)"]), ("", ["last-event-id:\(first.text)"]),
                ("?last_event_id=\(first.text)", []), ("?lastEventId=\(first.text)", []), ("?lastEventID=\(first.text)", []),
                ("?Last-Event-ID=\(first.text)", []), ("?last%5Fevent%5Fid=\(first.text)", []),
                ("?types=job.*&last_event_id=\(first.text)", []),
                // The header takes precedence.
                ("?last_event_id=\(second.text)", ["Last-Event-ID: \(first.text)"]),
            ]
            for way in ways {
                let answer = try await bench.stream(way.query, way.fields)
                let text = await answer.text(until: expected)
                #expect(behindOpening(text) == expected, "\(way)")
            }
        }
    }

    @Test("an empty cursor begins with the oldest event, none with what happens next")
    func emptyCursor() async throws {
        try await SSEBench.run { bench in
            let first = try await bench.edge.publish()
            for (query, fields) in [("?last_event_id=", []), ("?lastEventId", []), ("", ["Last-Event-ID:"])] as [(String, [String])] {
                #expect(behindOpening(await (try await bench.stream(query, fields)).text(until: "\"}\n\n")) == Self.block(first))
            }
            let live = try await bench.stream()
            _ = await live.text(until: "\n\n")
            let second = try await bench.edge.publish("job.done", "{}")
            #expect(behindOpening(await live.text(until: "\"}\n\n")) == Self.block(second, type: "job.done", ""))
        }
    }

    @Test("a cursor that no place of the log has is answered with unknown_cursor and the current place, then live; never refused")
    func unknownCursor() async throws {
        try await SSEBench.run { bench in
            let current = try await bench.edge.publish()
            let otherLog = Cursor(time: EdgeBench.now, epoch: bench.edge.log.epoch &+ 1, sequence: 1).text
            let future = bench.edge.cursor(1000).text
            let gap = "id: \(current.text)\nevent: stream.gap\ndata: {\"reason\":\"unknown_cursor\"}\n\n"
            let ways: [(query: String, fields: [String])] = [
                ("?last_event_id=nonsense", []), ("?last_event_id=\(otherLog)", []), ("?last_event_id=\(future)", []),
                ("?last_event_id=%zz", []), ("?last_event_id=\(current.text)&last_event_id=\(current.text)", []),
                ("?last_event_id=\(current.text)&lastEventId=\(current.text)", []), ("?last_event_id=\(current.text.lowercased())", []),
                ("", ["Last-Event-ID: 42"]), ("", ["Last-Event-ID: \(current.text)", "Last-Event-ID: \(current.text)"]),
            ]
            var streams: [Answer] = []
            for way in ways {
                let answer = try await bench.stream(way.query, way.fields)
                let text = await answer.text { $0.contains("stream.gap") && $0.hasSuffix("}\n\n") }
                // A place before the gap would be resumed from, and the gap not be told, where the connection breaks between the two.
                #expect(retry(text, before: "\n" + gap) != nil, "\(way)")
                streams.append(answer)
            }
            let next = try await bench.edge.publish("job.done", "{}")
            for stream in streams {
                let expected = gap + Self.block(next, type: "job.done", "")
                #expect(behindOpening(await stream.text(until: "Z\"}\n\n")) == expected)
            }
        }
    }

    @Test("a cursor older than the log keeps is answered with expired and the first id still kept, then with all that is kept")
    func expiredCursor() async throws {
        try await SSEBench.run(prepare: { edge in
            for _ in 0..<4 { try await edge.publish() }
            try await edge.purge(before: 3)
        }) { bench in
            let kept = [bench.edge.cursor(3), bench.edge.cursor(4)]
            let gap =
                "id: \(bench.edge.cursor(2).text)\nevent: stream.gap\n"
                + "data: {\"reason\":\"expired\",\"missedBefore\":\"\(kept[0].text)\"}\n\n"
            let answer = try await bench.stream("?last_event_id=\(bench.edge.cursor(1).text)")
            let last = Self.block(kept[1])
            #expect(behindOpening(await answer.text(until: last)) == gap + Self.block(kept[0]) + last)
        }
    }

    // MARK: Filters

    @Test("types narrows the stream to exact types and prefixes; several parameters add up")
    func filters() async throws {
        try await SSEBench.run { bench in
            let start = try await bench.edge.publish("start.now", "{}")
            let job = try await bench.edge.publish("job.done", "{}")
            let jobs = try await bench.edge.publish("jobs.done", "{}")
            let deep = try await bench.edge.publish("job.step.done", "{}")
            let end = try await bench.edge.publish("end.now", "{}")
            let names = [job: "job.done", jobs: "jobs.done", deep: "job.step.done", end: "end.now"]
            let ways: [(String, [Cursor])] = [
                ("types=job.*,end.now", [job, deep, end]), ("types=job.done&types=end.now", [job, end]),
                ("types=job%2Edone%2Cend.now", [job, end]), ("types=jobs.*,end.*", [jobs, end]),
            ]
            for (query, expected) in ways {
                let answer = try await bench.stream("?\(query)&last_event_id=\(start.text)")
                let blocks = expected.map { Self.block($0, type: names[$0] ?? "", "") }
                #expect(behindOpening(await answer.text(until: blocks.last ?? "")) == blocks.joined(), "\(query)")
            }
        }
    }

    @Test("a filter that names no type is 400 as JSON, before a stream begins")
    func malformedFilters() async throws {
        try await SSEBench.run { bench in
            let tooMany = (0..<65).map { "a.b\($0)" }.joined(separator: ",")
            for query in [
                "types=", "types=job", "types=Job.done", "types=*", "types=job*", "types=job.*,", "types=%zz", "types=\(tooMany)",
            ] {
                let answer = try await bench.request("/v1/notifications/stream?\(query)")
                #expect(answer.status == 400, "\(query)")
                #expect(answer.fields["content-type"] == "application/json", "\(query)")
                #expect(await answer.body.hasPrefix(#"{"error":"validation_error","message":"types: "#), "\(query)")
            }
        }
    }

    // MARK: Authorisation

    @Test("a refused client gets a status and a JSON code: 401 without a token, 403 without a role")
    func refusals() async throws {
        try await SSEBench.run { bench in
            let path = "/v1/notifications/stream"
            let token = try await bench.edge.token()
            let expired = try await bench.edge.token(expiresIn: -1)
            let unauthorized = [
                try await Wire.request(bench.port, "GET", path), try await Wire.request(bench.port, "GET", "\(path)?token="),
                try await Wire.request(bench.port, "GET", path, ["Authorization: Bearer \(expired)"]),
                try await Wire.request(bench.port, "GET", "\(path)?token=\(token)x"),
                // Two tokens are treated as no token.
                try await Wire.request(bench.port, "GET", "\(path)?token=\(token)&token=\(token)"),
                try await Wire.request(bench.port, "GET", path, ["Authorization: Bearer \(token)", "Authorization: Bearer \(token)"]),
                // The header takes precedence.
                try await Wire.request(bench.port, "GET", "\(path)?token=\(token)", ["Authorization: Bearer nonsense"]),
            ]
            for (index, answer) in unauthorized.enumerated() {
                #expect(answer.status == 401, "\(index)")
                #expect(answer.fields["www-authenticate"]?.hasPrefix("Bearer") == true)
                #expect(answer.fields["x-request-id"]?.isEmpty == false)
                #expect(await answer.body.hasPrefix(#"{"error":"unauthorized","message":""#))
            }
            for roles in [[], [.producer]] as [Set<Role>] {
                let answer = try await bench.request(path, roles: roles)
                #expect(answer.status == 403)
                #expect(await answer.body.hasPrefix(#"{"error":"forbidden","message":""#))
            }
            for roles in [[.admin], [.member]] as [Set<Role>] {
                #expect(try await bench.request(path, roles: roles).fields["content-type"]?.hasPrefix("text/event-stream") == true)
            }
            #expect(try await Wire.request(bench.port, "GET", "\(path)?token=\(token)").status == 200)
        }
    }

    @Test("HEAD answers with a stream's head alone and is judged alike; other methods are 405, other paths 404")
    func methods() async throws {
        try await SSEBench.run({ $0.maxConnections = 1 }) { bench in
            let path = "/v1/notifications/stream"
            for _ in 0..<3 {
                let head = try await bench.request(path, method: "HEAD")
                #expect(head.status == 200)
                #expect(head.fields["content-type"] == "text/event-stream; charset=utf-8")
                #expect(head.fields["cache-control"] == "no-cache, no-transform")
            }
            #expect(try await bench.request(path, method: "HEAD", roles: []).status == 403)
            #expect(try await bench.request("\(path)?types=x", method: "HEAD").status == 400)
            #expect(try await bench.request(path, method: "HEAD", isAuthorized: false).status == 401)
            let post = try await bench.request(path, method: "POST", ["Content-Length: 0"])
            #expect(post.status == 405)
            let allowed = Set((post.fields["allow"] ?? "").split(separator: ",").map { $0.filter { $0 != " " } })
            #expect(allowed.isSuperset(of: ["GET", "HEAD"]))
            #expect(!allowed.contains("POST"))
            #expect(try await bench.request("/v1/notifications/streams").status == 404)
            // HEAD requests did not take the only place.
            #expect(await !(try await bench.stream()).text(until: "\n\n").contains("stream.end"))
        }
    }

    @Test("a page that may use the surface is told so in the stream's head, another one is not")
    func origins() async throws {
        let origins = try OriginPolicy(allowed: ["https://console.example"])
        try await SSEBench.run(origins: origins) { bench in
            let page = try await bench.stream("", ["Origin: https://console.example"])
            #expect(page.fields["access-control-allow-origin"] == "https://console.example")
            #expect(page.fields["access-control-expose-headers"]?.contains("X-Request-Id") == true)
            #expect(page.fields["vary"] == "Origin")
            let other = try await bench.stream("", ["Origin: https://other.example"])
            #expect(other.fields["access-control-allow-origin"] == nil)
            #expect(other.fields["vary"] == "Origin")
        }
    }

    // MARK: Heartbeats

    @Test("a ping comes in every interval, with the place up to which everything was delivered, past other tenants' events")
    func pings() async throws {
        try await SSEBench.run({ $0.heartbeatInterval = .milliseconds(100) }) { bench in
            let answer = try await bench.stream()
            let foreign = try await bench.edge.publish(tenant: "globex")
            let ping = "id: \(foreign.text)\nevent: ping\ndata: {}\n\n"
            #expect(await answer.text { $0.contains(ping + ping) }.contains(ping + ping))
        }
    }

    @Test("a log out of reach is told once, without ending the stream; when it is back, that too, and then what happens")
    func outage() async throws {
        try await SSEBench.run { bench in
            let answer = try await bench.stream()
            let opening = await answer.text(until: "\n\n")
            bench.edge.server.kill()
            let stalled = "event: stream.stalled\ndata: {\"since\":\"2023-11-14T22:13:20.000Z\"}\n\n"
            #expect(await answer.text(until: stalled) == opening + stalled)
            // A client that connects meanwhile gets a retry delay.
            let late = try await bench.stream()
            #expect(retry(await late.body, before: "event: stream.end\ndata: {\"reason\":\"unavailable\"}\n\n") != nil)
            try await bench.edge.server.start()
            let live = "event: stream.live\ndata: {}\n\n"
            #expect(await answer.text(until: live) == opening + stalled + live)
            let next = try await bench.edge.publish()
            #expect(await answer.text(until: "Z\"}\n\n") == opening + stalled + live + Self.block(next))
        }
    }

    // MARK: Endings

    @Test(
        "a tenant, or a process, that has as many streams as it may have gets 200 with retry and one stream.end; a place that is free is given"
    )
    func limits() async throws {
        try await SSEBench.run({
            $0.maxConnections = 2
            $0.maxConnectionsPerTenant = 1
        }) { bench in
            let first = try await bench.stream()
            _ = await first.text(until: "\n\n")
            let refused = try await bench.stream()
            #expect(refused.fields["content-type"] == "text/event-stream; charset=utf-8")
            let delay = retry(await refused.body, before: "event: stream.end\ndata: {\"reason\":\"limit\"}\n\n")
            #expect((1000...3000).contains(delay ?? 0))
            let other = try await bench.stream(tenant: "globex")
            _ = await other.text(until: "\n\n")
            let third = try await bench.stream(tenant: "initech")
            #expect(retry(await third.body, before: "event: stream.end\ndata: {\"reason\":\"overloaded\"}\n\n") != nil)
        }
        try await SSEBench.run({ $0.maxConnectionsPerTenant = 1 }) { bench in
            // A request refused for another reason takes no place.
            #expect(try await bench.request("/v1/notifications/stream?types=x").status == 400)
            do { _ = await (try await bench.stream()).text(until: "\n\n") }
            #expect(await eventually { bench.edge.edge.connectionCount == 0 })
            let again = try await bench.stream()
            #expect(await !again.text(until: "\n\n").contains("stream.end"))
        }
    }

    @Test("a drain ends open streams with draining and a retry, and answers newcomers alike")
    func drain() async throws {
        try await SSEBench.run { bench in
            let answer = try await bench.stream()
            let opening = await answer.text(until: "\n\n")
            await bench.edge.edge.drain()
            let end = "event: stream.end\ndata: {\"reason\":\"draining\"}\n\n"
            let text = try #require(await answer.ended)
            #expect(text.hasPrefix(opening))
            #expect(retry(String(text.dropFirst(opening.count)), before: end) != nil)
            let late = try await bench.stream()
            #expect(retry(await late.body, before: end) != nil)
        }
    }

    @Test("a token that expires ends its stream with token_expired and nothing else")
    func expiry() async throws {
        try await SSEBench.run { bench in
            let answer = try await bench.stream()
            let opening = await answer.text(until: "\n\n")
            bench.edge.setClock(Timestamp(millisecondsSinceEpoch: 1 << 47))
            #expect(await answer.ended == opening + "event: stream.end\ndata: {\"reason\":\"token_expired\"}\n\n")
        }
    }

    @Test("a token that is revoked ends its stream with token_revoked and nothing else, and is refused from then on")
    func revocation() async throws {
        try await SSEBench.run { bench in
            let token = try await bench.edge.token(tokenID: "a")
            let fields = ["Authorization: Bearer \(token)"]
            let answer = try await bench.request("/v1/notifications/stream", isAuthorized: false, fields)
            let other = try await bench.stream()
            let opening = await answer.text(until: "\n\n")
            _ = await other.text(until: "\n\n")
            try await bench.edge.revoke(.token(TokenID("a")))
            try await bench.edge.publish()
            #expect(await answer.ended == opening + "event: stream.end\ndata: {\"reason\":\"token_revoked\"}\n\n")
            #expect(await other.text { $0.contains("incident.created") }.contains("incident.created"))
            let late = try await bench.request("/v1/notifications/stream", isAuthorized: false, fields)
            #expect(late.status == 401)
            #expect(await late.body.contains("The token was revoked"))
        }
    }

    @Test("an edge that has no log yet answers 200 with retry and unavailable, and judges the request all the same")
    func noLog() async throws {
        try await SSEBench.run(followsLog: false) { bench in
            let answer = try await bench.stream()
            #expect(retry(await answer.body, before: "event: stream.end\ndata: {\"reason\":\"unavailable\"}\n\n") != nil)
            #expect(try await bench.request("/v1/notifications/stream", roles: []).status == 403)
            #expect(try await bench.request("/v1/notifications/stream?types=x").status == 400)
        }
    }
}
