import Foundation
import NATSClient
import TestKit
import Testing

/// Connections whose sockets one thread of the process reads and writes. ``RequestTests`` has their requests.
@Suite("Polled connections", .timeLimit(.minutes(5)))
struct PolledConnectionTests {
    private func connectPolled(_ server: NATSServer) async throws -> NATSConnection {
        try await connect(server) {
            $0.reconnects = false
            $0.isPolled = true
        }
    }

    @Test("What a server does not read is written when it reads again, in order")
    func slowServer() async throws {
        let server = try await NATSServer()
        let nats = try await connectPolled(server)
        let reader = try await connect(server) { $0.pingInterval = .seconds(60) }
        let received = Collected<UInt8>()
        let subscription = try reader.subscribe("a", isUnbounded: true) { received.append($0.withPayload { $0.first ?? 0 }) }
        try await reader.flush()
        server.freeze()
        // More than the buffers of both sockets.
        for number in 0..<UInt8(200) { try nats.publish(subject: "a", payload: [UInt8](repeating: number, count: 128 << 10)) }
        server.thaw()
        #expect(await eventually { received.count == 200 })
        #expect(received.all == Array(0..<200))
        subscription.unsubscribe()
        await nats.close()
        await reader.close()
    }

    @Test("The loss of the server closes it, and ends what is outstanding")
    func loss() async throws {
        let server = try await NATSServer()
        let nats = try await connectPolled(server)
        let asked = Collected<Int>()
        let silent = try nats.subscribe("silent") { asked.append($0.payloadCount) }
        let requests = (0..<20).map { _ in Task { try await nats.request(subject: "silent", timeout: .seconds(50)) } }
        #expect(await eventually { asked.count == 20 })
        server.kill()
        for request in requests {
            let error = await #expect(throws: NATSError.self) { try await request.value }
            #expect(error?.code == .closed || error?.code == .disconnected)
        }
        #expect(await eventually { nats.state == .closed })
        #expect(#expect(throws: NATSError.self) { try nats.publish(subject: "a") }?.code == .closed)
        silent.unsubscribe()
    }

    @Test("Closing ends what is outstanding, and gives everything back")
    func closing() async throws {
        let server = try await NATSServer()
        // The thread and its descriptors stay.
        try await connectPolled(server).close()
        let before = try Self.socketCount
        weak var handler: Witness?
        for _ in 0..<20 {
            let nats = try await connectPolled(server)
            let asked = Collected<Int>()
            let witness = Witness()
            handler = witness
            let silent = try nats.subscribe("silent") { [witness] delivery in
                withExtendedLifetime(witness) {}
                asked.append(delivery.payloadCount)
            }
            let request = Task { try await nats.request(subject: "silent", timeout: .seconds(50)) }
            #expect(await eventually { asked.count == 1 })
            await nats.close()
            #expect(await #expect(throws: NATSError.self) { try await request.value }?.code == .closed)
            silent.unsubscribe()
        }
        #expect(await eventually { handler == nil })
        #expect(await eventually { (try? Self.socketCount) ?? .max <= before })
    }

    @Test("Closing drops what the server does not take, and answers on another connection go on")
    func closingWithUnwrittenBytes() async throws {
        let (stalled, healthy) = (try await NATSServer(), try await NATSServer())
        let (nats, other) = (try await connectPolled(stalled), try await connectPolled(healthy))
        let echo = try other.subscribe("echo") { delivery in
            if let reply = delivery.reply { try? other.publish(subject: reply, payload: [1]) }
        }
        stalled.freeze()
        defer { stalled.thaw() }
        // More than the buffers of both sockets.
        for _ in 0..<200 { try nats.publish(subject: "a", payload: [UInt8](repeating: 0, count: 128 << 10)) }
        let closing = Task { await nats.close() }
        for _ in 0..<100 { #expect(try await other.request(subject: "echo").payload == [1]) }
        await closing.value
        #expect(nats.state == .closed)
        #expect(nats.lastError != nil, "a failed write has closed it: otherwise nats.c waits on the thread for a pong")
        echo.unsubscribe()
        await other.close()
    }

    @Test("A released connection is closed")
    func release() async throws {
        let server = try await NATSServer()
        try await connectPolled(server).close()
        let before = try Self.socketCount
        for _ in 0..<5 { try (try await connectPolled(server)).publish(subject: "a") }
        #expect(await eventually { (try? Self.socketCount) ?? .max <= before })
    }

    @Test("It neither reconnects nor has TLS")
    func configuration() async throws {
        for change: @Sendable (inout NATSConfiguration) -> Void in [{ $0.reconnects = true }, { $0.tls = .init() }] {
            var configuration = NATSConfiguration(servers: ["nats://127.0.0.1:1"], reconnects: false, isPolled: true)
            change(&configuration)
            let error = await #expect(throws: NATSError.self) { try await NATSConnection.connect(configuration, logger: quiet) }
            #expect(error?.code == .invalidConfiguration)
        }
    }

    /// Descriptors of the process that are connections to a server of these tests, or may be.
    private static var socketCount: Int {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
                .count { (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)"))?.hasPrefix("socket:") == true }
        }
    }
}
