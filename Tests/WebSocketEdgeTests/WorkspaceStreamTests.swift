import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EdgeTestKit
import EventLog
import EventModel
import HTTPAPI
import TestKit
import Testing

@testable import websocket_edge

/// `GET /v1/stream` over a socket, from the handshake to the close frame (contract §1, §3, §5).
@Suite(.timeLimit(.minutes(2))) struct WorkspaceStreamTests {
    private static let now = "2023-11-14T22:13:20.000Z"

    /// Returns the message of an event published by `EdgeBench`.
    private static func message(_ type: String = "incident.created", _ payload: String = #"{"incidentId":"i"}"#, id: Cursor? = nil) -> Frame
    {
        .text(
            "{\"type\":\"\(type)\",\"payload\":\(payload),\"ts\":\"2023-11-14T22:13:21.000Z\"\(id.map { ",\"id\":\"\($0.text)\"" } ?? "")}"
        )
    }

    @Test("a handshake is answered as RFC 6455 says, and the first messages are connected, with the token's user, and what happens")
    func live() async throws {
        try await WebSocketBench.run { bench in
            try await bench.edge.publish()
            let answer = try await bench.connect()
            #expect(answer.fields["upgrade"]?.lowercased() == "websocket")
            #expect(answer.fields["connection"]?.lowercased() == "upgrade")
            // RFC 6455 §1.3.
            #expect(answer.fields["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            #expect(answer.fields["sec-websocket-protocol"] == nil)
            #expect(answer.fields["sec-websocket-extensions"] == nil)
            #expect(answer.fields["x-request-id"]?.isEmpty == false)
            let connected = Frame.text(
                "{\"type\":\"connected\",\"payload\":{\"workspace_id\":\"acme\",\"user_id\":\"ann\"},\"ts\":\"\(Self.now)\"}"
            )
            #expect(await answer.frames(1) == [connected])
            try await bench.edge.publish("job.done", "{ \"n\" : 1.10 }")
            #expect(await answer.frames(2) == [connected, Self.message("job.done", "{ \"n\" : 1.10 }")])
        }
    }

    @Test("an event with a user reaches that user alone, one of a tenant that tenant alone")
    func audience() async throws {
        try await WebSocketBench.run { bench in
            let ann = try await bench.connect()
            let bob = try await bench.connect(user: "bob")
            let other = try await bench.connect(tenant: "globex")
            for client in [ann, bob, other] { _ = await client.frames(1) }
            try await bench.edge.publish(user: "ann")
            try await bench.edge.publish("foreign.event", tenant: "globex", "{}")
            try await bench.edge.publish("job.done", "{}")
            let last = Self.message("job.done", "{}")
            #expect(await ann.frames(behindConnected: 2) == [Self.message(), last])
            #expect(await bob.frames(behindConnected: 1) == [last])
            #expect(await other.frames(behindConnected: 1) == [Self.message("foreign.event", "{}")])
        }
    }

    // MARK: Cursors and filters

    @Test("with a cursor, under every spelling, missed events come first, and every event has its id")
    func cursorSpellings() async throws {
        try await WebSocketBench.run { bench in
            let first = try await bench.edge.publish()
            let second = try await bench.edge.publish("job.done", "{}")
            let ways: [(query: String, fields: [String])] = [
                ("", ["Last-Event-ID: \(first.text)"]), ("&last_event_id=\(first.text)", []), ("&lastEventId=\(first.text)", []),
                ("&lastEventID=\(first.text)", []), ("&Last-Event-ID=\(first.text)", []), ("&last%5Fevent%5Fid=\(first.text)", []),
                ("&last_event_id=\(second.text)", ["Last-Event-ID: \(first.text)"]),
            ]
            for way in ways {
                let answer = try await bench.connect(way.query, way.fields)
                #expect(await answer.frames(behindConnected: 1) == [Self.message("job.done", "{}", id: second)], "\(way)")
            }
            let all = try await bench.connect("&last_event_id=")
            let expected = [Self.message(id: first), Self.message("job.done", "{}", id: second)]
            #expect(await all.frames(behindConnected: 2) == expected)
            let third = try await bench.edge.publish("end.now", "{}")
            #expect(await all.frames(behindConnected: 3) == expected + [Self.message("end.now", "{}", id: third)])
        }
    }

    @Test("a cursor that no place of the log has is answered with unknown_cursor and the current place, never refused")
    func unknownCursor() async throws {
        try await WebSocketBench.run { bench in
            let current = try await bench.edge.publish()
            let gap = Frame.text(
                "{\"type\":\"stream.gap\",\"payload\":{\"reason\":\"unknown_cursor\"},\"ts\":\"\(Self.now)\",\"id\":\"\(current.text)\"}"
            )
            let otherLog = Cursor(time: EdgeBench.now, epoch: bench.edge.log.epoch &+ 1, sequence: 1).text
            let cursors = [
                "last_event_id=x", "last_event_id=\(otherLog)", "last_event_id=\(bench.edge.cursor(1000).text)", "last_event_id=%zz",
                "last_event_id=\(current.text)&last_event_id=\(current.text)", "last_event_id=\(current.text)&lastEventId=\(current.text)",
            ]
            for cursor in cursors {
                let answer = try await bench.connect("&" + cursor)
                #expect(await answer.frames(behindConnected: 1) == [gap], "\(cursor)")
            }
        }
    }

    @Test("a cursor older than the log keeps is answered with expired and the first id still kept, then with all that is kept")
    func expiredCursor() async throws {
        try await WebSocketBench.run(prepare: { edge in
            for _ in 0..<4 { try await edge.publish() }
            try await edge.purge(before: 4)
        }) { bench in
            let kept = bench.edge.cursor(4)
            let gap = Frame.text(
                "{\"type\":\"stream.gap\",\"payload\":{\"reason\":\"expired\",\"missedBefore\":\"\(kept.text)\"},"
                    + "\"ts\":\"\(Self.now)\",\"id\":\"\(bench.edge.cursor(3).text)\"}"
            )
            let answer = try await bench.connect("&last_event_id=\(bench.edge.cursor(1).text)")
            #expect(await answer.frames(behindConnected: 2) == [gap, Self.message(id: kept)])
        }
    }

    @Test("types narrows the stream; a filter that names no type is 400 as JSON, before the handshake is accepted")
    func filters() async throws {
        try await WebSocketBench.run { bench in
            let answer = try await bench.connect("&types=job.*&types=end.now")
            _ = await answer.frames(1)
            for type in ["start.now", "job.done", "jobs.done", "end.now"] { try await bench.edge.publish(type, "{}") }
            #expect(await answer.frames(behindConnected: 2) == [Self.message("job.done", "{}"), Self.message("end.now", "{}")])
            for types in ["", "job", "*", "job*", "%zz", (0..<65).map { "a.b\($0)" }.joined(separator: ",")] {
                // `types` is checked before the token, which is absent here.
                let refused = try await bench.request("types=\(types)")
                #expect(refused.status == 400, "\(types)")
                #expect(await refused.body.hasPrefix(#"{"error":"validation_error","message":"types: "#), "\(types)")
            }
        }
    }

    // MARK: The handshake

    @Test("what is no handshake is refused with a status and a code as JSON, and with what would do")
    func handshakes() async throws {
        try await WebSocketBench.run { bench in
            let token = try await bench.edge.token()
            let target = "/v1/stream?token=\(token)&workspace=acme"
            func request(_ fields: [String], method: String = "GET", without names: [String] = []) async throws -> Answer {
                let handshake = WebSocketBench.handshake.filter { field in !names.contains { field.hasPrefix($0 + ":") } }
                return try await Wire.request(bench.port, method, target, handshake + fields)
            }
            let plain = try await request([], without: ["Connection", "Upgrade"])
            #expect(plain.status == 426)
            #expect(plain.fields["upgrade"] == "websocket")
            #expect(await plain.body.hasPrefix(#"{"error":"validation_error","message":""#))
            let version = try await request(["Sec-WebSocket-Version: 8"], without: ["Sec-WebSocket-Version"])
            #expect(version.status == 426)
            #expect(version.fields["sec-websocket-version"] == "13")
            for key in ["", "Sec-WebSocket-Key: c2hvcnQ=", "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="] {
                let answer = try await request(key.isEmpty ? [] : [key], without: ["Sec-WebSocket-Key"])
                #expect(answer.status == 400, "\(key)")
                #expect(await answer.body.hasPrefix(#"{"error":"validation_error","message":""#))
            }
            for method in ["POST", "HEAD", "PUT"] {
                let answer = try await request(["Content-Length: 0"], method: method, without: ["Connection", "Upgrade"])
                #expect(answer.status == 405, "\(method)")
                #expect(answer.fields["allow"]?.contains("GET") == true)
                #expect(answer.fields["allow"]?.contains("HEAD") == false)
            }
        }
    }

    @Test("a page of another origin is refused with 403; the deployment's own, one that is allowed, and a client without one may connect")
    func origins() async throws {
        try await WebSocketBench.run(origins: try OriginPolicy(allowed: ["https://console.example"])) { bench in
            for origin in ["https://other.example", "https://console.example:444", "http://console.example", "null"] {
                let answer = try await bench.request("workspace=acme", ["Origin: \(origin)"])
                #expect(answer.status == 403, "\(origin)")
                #expect(await answer.body.hasPrefix(#"{"error":"forbidden","message":""#))
            }
            for origin in ["https://console.example", "https://console.example:443", "http://127.0.0.1:\(bench.port)"] {
                _ = try await bench.connect("", ["Origin: \(origin)"])
            }
        }
    }

    @Test("the token is in the header, the query or a subprotocol; of the subprotocols only the common one comes back")
    func tokens() async throws {
        try await WebSocketBench.run { bench in
            let token = try await bench.edge.token(roles: [])
            let query = try await bench.request("workspace=acme&token=\(token)")
            let header = try await bench.request("workspace=acme", ["Authorization: Bearer \(token)"])
            let both = try await bench.request("workspace=acme&token=nonsense", ["Authorization: Bearer \(token)"])
            let subprotocol = try await bench.request("workspace=acme", ["Sec-WebSocket-Protocol: causeway.v1, bearer.\(token)"])
            for answer in [query, header, both, subprotocol] {
                #expect(answer.status == 101)
                #expect(await answer.frames(1).first?.text.contains(#""user_id":"ann""#) == true)
            }
            #expect(subprotocol.fields["sec-websocket-protocol"] == "causeway.v1")
            #expect(query.fields["sec-websocket-protocol"] == nil)
        }
    }

    @Test("a token whose keys cannot be had is 503, not a close code: it may be good")
    func keysAreAway() async throws {
        var keys = AccessControlConfiguration()
        // No server listens there: port 0 is reserved (RFC 6335 §6).
        keys.jwksURL = "http://127.0.0.1:0/jwks.json"
        try await WebSocketBench.run(keys: keys) { bench in
            let answer = try await bench.request("workspace=acme&token=eyJhbGciOiJFUzI1NiJ9.e30.AAAA")
            #expect(answer.status == 503)
            #expect(answer.fields["retry-after"] != nil)
            #expect(await answer.body.hasPrefix(#"{"error":"service_unavailable","message":""#))
        }
    }

    @Test("compression is agreed to only where it is set and the client offers it")
    func compression() async throws {
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
        let payload = #"{"a":"\#(String(repeating: "the same again ", count: 50))"}"#
        try await WebSocketBench.run(environment: ["WEBSOCKET_COMPRESSION": "true"]) { bench in
            let compressed = try await bench.connect("", [offer])
            #expect(compressed.fields["sec-websocket-extensions"]?.hasPrefix("permessage-deflate") == true)
            let plain = try await bench.connect()
            #expect(plain.fields["sec-websocket-extensions"] == nil)
            _ = await (compressed.frames(1), plain.frames(1))
            try await bench.edge.publish("job.done", payload)
            let frame = try #require(await compressed.frames(2).last)
            #expect(frame.first == 0xC1)
            #expect(frame.payload.count < 400)
            #expect(await plain.frames(2).last == Self.message("job.done", payload))
            // "Hello" of RFC 7692 §7.2.3.1: a text message, ignored if compression was negotiated, else a protocol error.
            let hello = Frame.fromClient(0xC1, [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
            try compressed.wire.send(hello + Frame.fromClient(0x89, "still there?".utf8))
            #expect(await compressed.frames(3).last == Frame(first: 0x8A, payload: Array("still there?".utf8)))
            try plain.wire.send(hello)
            #expect(await plain.frames(3).last?.closeCode == 1002)
        }
        try await WebSocketBench.run { bench in
            let answer = try await bench.connect("", [offer])
            #expect(answer.fields["sec-websocket-extensions"] == nil)
        }
    }

    // MARK: Refusals readable by browsers

    @Test("a token that is missing, not valid or expired is accepted and closed with 4401, before anything else is said")
    func unauthorized() async throws {
        try await WebSocketBench.run { bench in
            let token = try await bench.edge.token()
            let expired = try await bench.edge.token(expiresIn: -1)
            let ways: [(query: String, fields: [String])] = [
                ("workspace=acme", []), ("workspace=acme&token=", []), ("workspace=acme&token=\(token)x", []),
                ("workspace=acme&token=\(expired)", []), ("workspace=acme&token=\(token)&token=\(token)", []),
                ("workspace=acme&token=\(token)", ["Authorization: Bearer nonsense"]),
                ("workspace=acme&token=\(token)", ["Sec-WebSocket-Protocol: bearer.\(token)"]),
            ]
            for way in ways {
                let close = try await bench.request(way.query, way.fields).refusal()
                #expect(close?.closeCode == 4401, "\(way)")
                #expect(close?.closeReason.isEmpty == false)
                #expect(close?.closeReason.contains(token) == false)
            }
        }
    }

    @Test("a workspace that is missing, given twice, or not the token's is closed with 4003")
    func wrongWorkspace() async throws {
        try await WebSocketBench.run { bench in
            let token = try await bench.edge.token()
            let workspaces = [
                "", "&workspace=", "&workspace=globex", "&workspace=ACME", "&workspace=acme&workspace=acme", "&workspace=a%0A",
                "&workspace=%zz",
            ]
            for workspace in workspaces {
                let close = try await bench.request("token=\(token)\(workspace)").refusal()
                #expect(close?.closeCode == 4003, "\(workspace)")
                #expect(close?.closeReason.hasPrefix("workspace: ") == true, "\(workspace)")
            }
            let encoded = try await bench.edge.token(tenant: "ac me/é")
            let answer = try await bench.request("token=\(encoded)&workspace=ac+me%2F%C3%A9")
            #expect(await answer.frames(1).first?.text.contains(#""workspace_id":"ac me/é""#) == true)
        }
    }

    @Test("too many connections of a tenant, or of the process, are closed with 1008; who is refused takes no place")
    func limits() async throws {
        try await WebSocketBench.run({
            $0.maxConnections = 2
            $0.maxConnectionsPerTenant = 1
        }) { bench in
            let token = try await bench.edge.token()
            for _ in 0..<3 {
                #expect(try await bench.request("workspace=acme").refusal()?.closeCode == 4401)
                #expect(try await bench.request("workspace=globex&token=\(token)").refusal()?.closeCode == 4003)
            }
            let first = try await bench.connect()
            _ = await first.frames(1)
            let limit = await (try await bench.connect()).refusal()
            #expect(limit?.closeCode == 1008)
            #expect(limit?.closeReason.contains("the tenant has as many connections") == true)
            let other = try await bench.connect(tenant: "globex")
            _ = await other.frames(1)
            let overloaded = await (try await bench.connect(tenant: "initech")).refusal()
            #expect(overloaded?.closeCode == 1008)
            #expect(overloaded?.closeReason.contains("this server has as many connections") == true)
            // Both connections are still open.
            try await bench.edge.publish()
            #expect(await first.frames(behindConnected: 1) == [Self.message()])
            try await bench.edge.publish(tenant: "globex")
            #expect(await other.frames(behindConnected: 1) == [Self.message()])
        }
    }

    @Test("a log out of reach is told by heartbeats, the first at once, and closes newcomers with 1011")
    func outage() async throws {
        try await WebSocketBench.run { bench in
            let answer = try await bench.connect()
            _ = await answer.frames(1)
            bench.edge.server.kill()
            let stalled = Frame.text("{\"type\":\"heartbeat\",\"payload\":{\"ok\":false},\"ts\":\"\(Self.now)\"}")
            #expect(await answer.frames(behindConnected: 1) == [stalled])
            #expect(try await bench.connect().refusal()?.closeCode == 1011)
            try await bench.edge.server.start()
            let live = Frame.text("{\"type\":\"heartbeat\",\"payload\":{\"ok\":true},\"ts\":\"\(Self.now)\"}")
            #expect(await answer.frames(behindConnected: 2) == [stalled, live])
            try await bench.edge.publish()
            #expect(await answer.frames(behindConnected: 3) == [stalled, live, Self.message()])
        }
    }

    // MARK: Open connections

    @Test("heartbeats come in every interval; with a cursor they have the place up to which everything was delivered")
    func heartbeats() async throws {
        try await WebSocketBench.run({ $0.heartbeatInterval = .milliseconds(100) }) { bench in
            let plain = try await bench.connect()
            let resumable = try await bench.connect("&last_event_id=")
            let foreign = try await bench.edge.publish(tenant: "globex")
            let beat = "{\"type\":\"heartbeat\",\"payload\":{\"ok\":true},\"ts\":\"\(Self.now)\""
            #expect(await plain.frames(behindConnected: 2).prefix(2) == [.text(beat + "}"), .text(beat + "}")])
            let last = Frame.text(beat + ",\"id\":\"\(foreign.text)\"}")
            #expect(Frame.all(await resumable.bytes { Frame.all($0).contains(last) }).contains(last))
        }
    }

    @Test("text is ignored and a ping is answered with what it carried; a binary message is closed with 1003, an unmasked frame with 1002")
    func input() async throws {
        try await WebSocketBench.run { bench in
            let answer = try await bench.connect()
            try answer.wire.send(Frame.fromClient(0x81, #"{"type":"subscribe"}"#.utf8) + Frame.fromClient(0x89, "are you there?".utf8))
            #expect(await answer.frames(behindConnected: 1) == [Frame(first: 0x8A, payload: Array("are you there?".utf8))])
            try answer.wire.send(Frame.fromClient(0x82, "bytes".utf8))
            #expect(await answer.frames(behindConnected: 2).last?.closeCode == 1003)
            let unmasked = try await bench.connect()
            try unmasked.wire.send([0x81, 0x01, 0x41])
            #expect(await unmasked.frames(behindConnected: 1).last?.closeCode == 1002)
            let polite = try await bench.connect()
            try polite.wire.send(Frame.close(1000))
            #expect(await polite.frames(behindConnected: 1).last?.closeCode == 1000)
        }
    }

    @Test("frames that come with the handshake are answered behind the first message, whichever way in the connection takes")
    func framesWithTheHandshake() async throws {
        try await WebSocketBench.run { bench in
            let token = try await bench.edge.token(tenant: "acme", user: "ann", roles: [])
            let ping = Frame.fromClient(0x89, "early".utf8)
            let answer = try await bench.request("token=\(token)&workspace=acme", followedBy: ping)
            #expect(answer.status == 101)
            #expect(await answer.frames(behindConnected: 1) == [Frame(first: 0x8A, payload: Array("early".utf8))])
            #expect(bench.edge.edge.statistics.quickOpenings == (bench.isQuick ? 1 : 0))
        }
    }

    @Test("a token that is revoked closes its connection with 4401, and is refused with 4401 from then on; others go on")
    func revocation() async throws {
        try await WebSocketBench.run { bench in
            let early = try await bench.edge.token(roles: [], issuedAt: 1000)
            let late = try await bench.edge.token(roles: [], issuedAt: 2000)
            let answer = try await bench.request("token=\(early)&workspace=acme")
            let other = try await bench.request("token=\(late)&workspace=acme")
            for client in [answer, other] { _ = await client.frames(1) }
            try await bench.edge.revoke(.user(UserID("ann"), issuedBefore: 2_000_000))
            try await bench.edge.publish()
            let frames = await answer.frames(behindConnected: 1)
            #expect(frames.count == 1 && frames.first?.closeCode == 4401)
            #expect(frames.first?.closeReason == Ending.Kind.tokenRevoked.sentence)
            #expect(await other.frames(behindConnected: 1).first?.closeCode == nil)
            let refusal = try await bench.request("token=\(early)&workspace=acme").refusal()
            #expect(refusal?.closeCode == 4401 && refusal?.closeReason.contains("revoked") == true)
        }
    }

    @Test("a token that expires closes its connection with 4401, a drain with 1001; newcomers of a drain are closed too")
    func ends() async throws {
        try await WebSocketBench.run { bench in
            let answer = try await bench.connect()
            _ = await answer.frames(1)
            bench.edge.setClock(Timestamp(millisecondsSinceEpoch: 1 << 47))
            #expect(await answer.frames(behindConnected: 1).map(\.closeCode) == [4401])
        }
        try await WebSocketBench.run { bench in
            let answer = try await bench.connect()
            _ = await answer.frames(1)
            async let drained: Void = bench.edge.edge.drain()
            #expect(await answer.frames(behindConnected: 1).map(\.closeCode) == [1001])
            await drained
            #expect(try await bench.connect().refusal()?.closeCode == 1001)
        }
    }
}
