import Basics
import EventModel
import HTTPTypes
import NIOCore
import NIOEmbedded
import TestKit
import Testing

@testable import OperatorCommands

/// What comes over the wire, whole and cut into single bytes.
@Suite struct DoctorReadingTests {
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello+more", 200, "hello", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n2\r\n, \r\n0\r\n\r\n", 200, "hello, ", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", 200, "hel", false),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", false),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, "", true),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}", 101, "\u{1}", false),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
    ])
    func responses(text: String, status: Int, body: String, isComplete: Bool) throws {
        for pieces in [[bytes(text)], bytes(text).map { [$0] }] {
            var reader = HTTPReader()
            let read = try pieces.flatMap { try reader.take($0) }
            #expect(reader.status == status && reader.isComplete == isComplete && String(decoding: read, as: UTF8.self) == body)
        }
    }

    @Test(arguments: ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"])
    func whatIsNoResponse(_ text: String) {
        var reader = HTTPReader()
        #expect(throws: HTTPReader.NotHTTP.self) { try reader.take(bytes(text)) }
    }

    @Test func aHeadWithoutAnEndIsNotReadForEver() throws {
        var reader = HTTPReader()
        _ = try reader.take(bytes("HTTP/1.1 200 OK\r\n"))
        #expect(throws: HTTPReader.NotHTTP.self) { try reader.take([UInt8](repeating: 0x61, count: 70_000)) }
    }

    /// It must not count as a connection loss.
    @Test func moreThanIsLookedAtIsNoEnd() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: WireEvent.self)
        let channel = EmbeddedChannel(handler: WireRecorder(isSecure: false, events: continuation))
        for _ in 0..<20 { try channel.writeInbound(ByteBuffer(repeating: 0, count: 1 << 20)) }
        continuation.finish()
        var (bytes, ends) = (0, 0)
        for await event in events {
            switch event {
            case .bytes(let piece, _): bytes += piece.readableBytes
            case .enough: ends += 1
            case .closed, .ready, .deadline: Issue.record("nothing else has happened")
            }
        }
        #expect(bytes == Wire.maximumBytes && ends == 1)
    }

    @Test func blocksOfEvents() {
        let text = "retry: 2000\nid: a\n\n: comment\n\nid: b\r\nevent: ping\r\ndata: {}\r\n\r\ndata:x\ndata: y\n\ndata: cut"
        let expected: [EventStreamReader.Block] = [
            .init(id: "a", retry: "2000"), .init(id: "b", event: "ping", data: "{}"), .init(data: "x\ny"),
        ]
        for pieces in [[bytes(text)], bytes(text).map { [$0] }] {
            var reader = EventStreamReader()
            #expect(pieces.flatMap { reader.take($0) } == expected)
        }
    }

    @Test func whatIsSeenOfAStream() {
        var seen = StreamObservation(attempt: .notHTTP)
        seen.note([.init(id: "a", retry: "2000")])
        seen.note([.init(event: "ping", data: "{}")])
        #expect(seen.isUnderstood && seen.pings == 1 && seen.pingsAtOnce == 1 && seen.gap == nil)
        seen.note([.init(event: "ping"), .init(event: "a.b"), .init(event: "ping"), .init(event: "ping")])
        #expect(seen.pings == 4 && seen.pingsAtOnce == 3)
        seen.note([
            .init(event: "stream.gap", data: #"{"reason":"unknown_cursor"}"#), .init(event: "stream.end", data: #"{"reason":"limit"}"#),
        ])
        #expect(seen.gap == "unknown_cursor" && seen.goodbye == "limit")
    }

    @Test func framesOfAServer() throws {
        let long = [UInt8](repeating: 0x61, count: 300)
        let parts: [[UInt8]] = [
            [0x81, 2], bytes("hi"), [0x81, 126, 1, 44], long, [0x89, 0], [0x88, 4, 0x11, 0x31], bytes("no"), [0x88, 0],
        ]
        let frames = Array(parts.joined())
        let expected: [ServerFrameReader.Frame] = [
            .text(bytes("hi")), .text(long), .other, .close(code: 4401, reason: "no"), .close(code: 1005, reason: ""),
        ]
        for pieces in [[frames], frames.map { [$0] }] {
            var reader = ServerFrameReader()
            #expect(try pieces.flatMap { try reader.take($0) } == expected)
        }
    }

    @Test(arguments: [[0x81, 0x82], [0xC1, 0], [0x83, 0], [0x81, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]] as [[UInt8]])
    func whatIsNoFrameOfAServer(_ bytes: [UInt8]) {
        var reader = ServerFrameReader()
        #expect(throws: ServerFrameReader.NoFrame.self) { try reader.take(bytes) }
    }

    @Test func datesOfHTTP() throws {
        let date = try #require(HTTPDate("Sun, 06 Nov 1994 08:49:37 GMT"))
        #expect(date.moment.iso8601 == "1994-11-06T08:49:37.000Z")
        for (milliseconds, lead) in [(-2000, 2000), (0, 0), (500, 0), (999, 0), (3999, -3000)] as [(Int64, Int64)] {
            let now = Timestamp(millisecondsSinceEpoch: date.moment.millisecondsSinceEpoch + milliseconds)
            #expect(date.lead(over: now) == .milliseconds(lead))
        }
        for text in ["", "06 Nov 1994", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 1994 08:49:37 GMT"]
        {
            #expect(HTTPDate(text) == nil)
        }
    }

    @Test func addresses() throws {
        for (text, authority, prefix, isLoopback) in [
            ("http://127.0.0.1:8080", "127.0.0.1:8080", "", true), ("https://Events.example.com", "Events.example.com", "", false),
            ("https://h:443/", "h", "", false), ("https://h/a/b//", "h", "/a/b", false), ("http://[::1]:80/x", "[::1]", "/x", true),
        ] {
            let target = try Target(text)
            #expect(target.authority == authority && target.prefix == prefix && target.isLoopback == isLoopback)
            #expect(target.isSecure == text.hasPrefix("https"))
        }
        #expect(try Target("https://Events.example.com:8443/x").origin == "https://events.example.com:8443")
        for text in [
            "", "h", "ftp://h", "http:", "http:/h", "http://", "http://h:0", "http://h:x", "http://h:70000", "http://h?token=x",
            "http://u@h",
        ] {
            #expect(throws: Target.Mistake.self) { try Target(text) }
        }
    }

    @Test func claims() {
        // {"sub":"ann","tenant_id":"acme","exp":2000000000,"iat":1.5}
        let token = "e30.eyJzdWIiOiJhbm4iLCJ0ZW5hbnRfaWQiOiJhY21lIiwiZXhwIjoyMDAwMDAwMDAwLCJpYXQiOjEuNX0.c2ln"
        let facts = TokenFacts(token, tenantClaims: ["workspace_id", "tenant_id"])
        #expect(
            facts.isReadable && facts.tenant == "acme" && facts.expiresAt == 2_000_000_000 && facts.issuedAt == 1.5
                && facts.notBefore == nil && !facts.hasID
        )
        // {"jti":"t-1","exp":2000000000}
        #expect(TokenFacts("e30.eyJqdGkiOiJ0LTEiLCJleHAiOjIwMDAwMDAwMDB9.c2ln", tenantClaims: []).hasID)
        for text in ["", "a.b", "a.b.c", "e30.bm8.c2ln", "\(token).x"] {
            #expect(!TokenFacts(text, tenantClaims: []).isReadable)
        }
    }

    @Test func requestsAreWrittenWithTheirQueryEncoded() throws {
        let request = ProbeRequest(path: "/v1/stream", query: [("token", "a.b_c"), ("workspace", "ä &\n")], fields: [.accept: "x"])
        let text = String(decoding: request.bytes(to: try Target("http://h:81/p")), as: UTF8.self)
        #expect(text == "GET /p/v1/stream?token=a.b_c&workspace=%C3%A4%20%26%0A HTTP/1.1\r\nHost: h:81\r\nAccept: x\r\n\r\n")
    }

    @Test func durationsAndQuotations() {
        for (milliseconds, text) in [
            (4, "4 ms"), (-1500, "1.5 s"), (35_000, "35 s"), (600_000, "10 min"), (10_800_000, "3 h"), (259_200_000, "3 d"),
        ] {
            #expect(Wording.show(.milliseconds(milliseconds)) == text)
        }
        #expect(Wording.quotable("a\u{1B}[31m\nb\u{202E}") == "a [31m b ")
        #expect(Wording.quotable(String(repeating: "x", count: 500)).count == 161)
    }
}
