import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("WebSocket connections of a loop", .timeLimit(.minutes(3)))
struct WebSocketConnectionTests {
    private var webSocket: Inbound { .webSocket(WebSocketRules()) }

    /// A masked client frame.
    private func frame(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
    }

    private func text(_ frame: [UInt8]) -> String { frame.map { String(UnicodeScalar($0)) }.joined() }

    @Test("a ping is answered, text is ignored, and events go on")
    func ping() async throws {
        let bench = try HubBench()
        let client = try await bench.connect(inbound: self.webSocket)
        client.send(bytes: self.frame(0x81, Array("hello".utf8)) + self.frame(0x89, Array("abc".utf8)))
        let pong = String(decoding: [0x8A, 3] + Array("abc".utf8), as: UTF8.self)
        #expect(await client.read { $0.hasSuffix("abc") } == "head|open 0|" + pong)
        bench.append(try Fixture.entry(1))
        #expect(await client.read { $0.contains("1:") }.hasPrefix("1:incident.created"))
    }

    @Test("bytes sent with the handshake are read")
    func early() async throws {
        let bench = try HubBench()
        let client = try await bench.connect(inbound: self.webSocket, early: self.frame(0x89, Array("now".utf8)))
        #expect(await client.read { $0.hasSuffix("now") }.hasSuffix("now"))
    }

    @Test("the peer's close is answered with its code, and the connection ends")
    func peerCloses() async throws {
        let bench = try HubBench()
        let client = try await bench.connect(inbound: self.webSocket)
        client.send(bytes: self.frame(0x88, [0x03, 0xE8]))
        let bytes = await client.readBytes()
        #expect(Array(bytes.suffix(4)) == [0x88, 2, 0x03, 0xE8])
        client.hangUp()
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(bench.hub.counters.closesByKind == [.peerClosed: 1])
    }

    @Test("the edge's close waits for the answer, but not for ever")
    func edgeCloses() async throws {
        let bench = try HubBench()
        let polite = try await bench.connect(expiresAt: 1005, inbound: self.webSocket)
        let silent = try await bench.connect(expiresAt: 1005, inbound: self.webSocket)
        bench.clock.now.store(1005, ordering: .relaxed)
        #expect(await polite.read { $0.hasSuffix("end token_expired|") } == "head|open 0|end token_expired|")
        polite.send(bytes: self.frame(0x88, [0x0F, 0xA0]))
        #expect(await polite.readBytes() == [])
        #expect(await silent.read { _ in false } == "head|open 0|end token_expired|<end>")
    }

    @Test("a refused connection gets the reason after its handshake")
    func refused() async throws {
        let bench = try HubBench()
        let client = try await bench.connect(inbound: self.webSocket, refusal: Ending(.stalled, detail: "no"))
        let bytes = await client.readBytes()
        #expect(bytes == Array("head|".utf8) + [0x88, 4, 0x03, 0xF0] + Array("no".utf8))
    }

    @Test("a broken rule closes with its code", arguments: [(0x82, 1003), (0xC1, 1002)] as [(UInt8, UInt16)])
    func violation(first: UInt8, code: UInt16) async throws {
        let bench = try HubBench()
        let client = try await bench.connect(inbound: self.webSocket)
        client.send(bytes: self.frame(first, [97]))
        let bytes = await client.readBytes().dropFirst("head|open 0|".utf8.count)
        #expect(bytes.first == 0x88)
        #expect(Array(bytes.dropFirst(2).prefix(2)) == [UInt8(code >> 8), UInt8(code & 0xFF)])
    }

    @Test("more messages than allowed close with 1008")
    func flood() async throws {
        let bench = try HubBench()
        let rules = WebSocketRules(maxMessagesPerMinute: 5)
        let client = try await bench.connect(inbound: .webSocket(rules))
        for _ in 0..<6 { client.send(bytes: self.frame(0x81, [97])) }
        let bytes = await client.readBytes().dropFirst("head|open 0|".utf8.count)
        #expect(Array(bytes.dropFirst(2).prefix(2)) == [0x03, 0xF0])
    }

    @Test("answers never split an entry, and backpressure stops reading from the client")
    func answersBetweenEntries() async throws {
        let bench = try HubBench()
        let rules = WebSocketRules(maxMessagesPerMinute: .max)
        let client = try await bench.connect(inbound: .webSocket(rules))
        let payload = #"{"pad":""# + String(repeating: "x", count: 50_000) + #""}"#
        var expected = "head|open 0|"
        for sequence in UInt64(1)...20 { expected += Fixture.text(bench.append(try Fixture.entry(sequence, payload: payload))) }
        // The socket is now full, in the middle of an entry.
        #expect(await eventually { bench.hub.counters.blockedWrites.current > 0 })
        let pings = 5000
        let pingHead: [UInt8] = [0x89, 0x80 | 100, 0, 0, 0, 0]
        let ping = pingHead + [UInt8](repeating: 112, count: 100)
        async let sent: Void = client.sendAll(Array(repeatElement(ping, count: pings).joined()))
        let pong: [UInt8] = [0x8A, 100] + [UInt8](repeating: 112, count: 100)
        let total = expected.utf8.count + pings * pong.count
        var bytes = await client.readBytes(count: total)
        await sent
        #expect(bytes.count == total)
        bytes = bytes.split(separator: pong, omittingEmptySubsequences: true).flatMap { $0 }
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
}
