import Basics
import CMalloc
import EventLog
import EventModel
import Synchronization
import TestKit
import Testing

@testable import EdgeRuntime

@Suite("What a connection holds while something is under way", .timeLimit(.minutes(3)))
struct PendingWorkTests {
    /// The handle of a loop's first connection.
    private static let first = ConnectionHandle(slot: 0, generation: 0)

    @Test("an idle connection holds nothing: after its opening, a chunk of the log, heartbeats, live entries")
    func idle() async throws {
        let bench = try HubBench(tailBytes: 4096) { $0.heartbeatInterval = .milliseconds(100) }
        for sequence in UInt64(1)...400 { bench.append(try Fixture.entry(sequence)) }
        let client = try await bench.connect(start: HubBench.after(3))
        let connection = try #require(await bench.hub.connection(Self.first))
        #expect(await client.read { $0.contains("|400:") && $0.contains("beat 400|") }.hasPrefix("head|open 3|4:"))
        #expect(bench.hub.counters.logReads.current > 1)
        #expect(await connection.isIdle)
        let last = Fixture.text(bench.append(try Fixture.entry(401)))
        #expect(await client.read { $0.contains("beat 401|") }.contains(last))
        #expect(await connection.isIdle)
    }

    /// The size of objects of one type, rounded up to the next odd multiple of eight, as glibc allocates it. The least of several, because a chunk that is
    /// used again may be a little larger.
    private func bytes(of objects: [AnyObject]) -> Int {
        objects.map { malloc_usable_size(Unmanaged.passUnretained($0).toOpaque()) }.min() ?? 0
    }

    @Test("an idle connection takes at most 248 bytes, the state of its WebSocket at most 72 more")
    func sizes() async throws {
        let bench = try HubBench()
        var (clients, connections): ([SocketPair], [EdgeConnection]) = ([], [])
        for slot: UInt32 in 0..<32 {
            let client = try await bench.connect(inbound: .webSocket(WebSocketRules()))
            clients.append(client)
            _ = await client.read { $0.hasSuffix("open 0|") }
            connections.append(try #require(await bench.hub.connection(ConnectionHandle(slot: slot, generation: 0))))
        }
        #expect(clients.count == 32 && bytes(of: connections) <= 248)
        #expect(bytes(of: (0..<64).map { _ in WebSocketHandler(rules: WebSocketRules(), texts: .dropped) }) <= 72)
    }

    @Test("what came with the handshake is kept until its turn")
    func earlyBytes() async throws {
        let bench = try HubBench()
        // A masked ping with an empty payload. RFC 6455 §5.2.
        let client = try await bench.connect(inbound: .webSocket(WebSocketRules()), early: [0x89, 0x80, 1, 2, 3, 4])
        let pong = String(decoding: WebSocketFrame.control(.pong, []), as: UTF8.self)
        #expect(await client.read { $0.hasSuffix(pong) } == "head|open 0|" + pong)
        let connection = try #require(await bench.hub.connection(Self.first))
        #expect(await connection.isIdle)
    }

    @Test("a connection that is ending holds its deadlines until it is closed, then nothing")
    func ending() async throws {
        let bench = try HubBench { $0.linger = .seconds(3600) }
        let client = try await bench.connect(expiresAt: 1005, inbound: .webSocket(WebSocketRules()))
        let connection = try #require(await bench.hub.connection(Self.first))
        bench.clock.now.store(1005, ordering: .relaxed)
        #expect(await eventually { await !connection.isOpen })
        #expect(await !connection.isIdle)
        client.hangUp()
        #expect(await eventually { bench.hub.counters.connections.current == 0 })
        #expect(await connection.isIdle)
    }

    @Test("a drain ends everybody in its window, whoever leaves before their turn")
    func drainWhileOthersLeave() async throws {
        let bench = try HubBench()
        var clients: [SocketPair] = []
        for _ in 0..<60 { clients.append(try await bench.connect()) }
        async let drained: Void = bench.hub.drainConnections(window: .milliseconds(500))
        // Every second client hangs up, some before the drain ends it. A new connection may reuse the slot; the drain does not wait for it.
        for index in stride(from: 0, to: clients.count, by: 2) { clients[index].hangUp() }
        let late = try await bench.connect()
        #expect(await late.read { _ in false } == "head|open 0|end draining|<end>")
        for index in stride(from: 1, to: clients.count, by: 2) {
            #expect(await clients[index].read { _ in false } == "head|open 0|end draining|<end>")
            clients[index].hangUp()
        }
        late.hangUp()
        await drained
        #expect(await eventually { bench.endedCount == 61 })
    }
}

extension EdgeConnection {
    fileprivate var isIdle: Bool { self.pending == nil }
}
