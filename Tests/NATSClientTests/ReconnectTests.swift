import NATSClient
import TestKit
import Testing

@Suite("Losing and finding the server", .timeLimit(.minutes(5)))
struct ReconnectTests {
    @Test("After kill -9 and a restart, subscriptions and requests work again")
    func restart() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let states = Collected<NATSConnectionState>()
        nats.onStateChange { states.append($0) }
        let received = Collected<[UInt8]>()
        let subscription = try nats.subscribe("a") { received.append($0.copy().payload) }
        for round in 1...3 {
            server.kill()
            #expect(await eventually { nats.state == .reconnecting })
            #expect(#expect(throws: NATSError.self) { try nats.publish(subject: "a", payload: [0]) }?.code == .disconnected)
            try await server.start()
            #expect(await eventually { nats.state == .connected })
            try nats.publish(subject: "a", payload: [UInt8(round)])
            #expect(await eventually { received.all.last == [UInt8(round)] })
        }
        #expect(received.all == [[1], [2], [3]])
        await nats.close()
        #expect(await eventually { states.all.last == .closed })
        #expect(states.all == [.connected, .reconnecting, .connected, .reconnecting, .connected, .reconnecting, .connected, .closed])
        subscription.unsubscribe()
    }

    @Test("A connection may be opened, and subscribed on, before there is a server")
    func serverComesLater() async throws {
        let server = try await NATSServer()
        try await server.stop()
        let nats = try await connect(server)
        #expect(nats.state == .connecting)
        let received = Collected<Int>()
        let subscription = try nats.subscribe("a") { received.append($0.payloadCount) }
        let error = #expect(throws: NATSError.self) { try nats.publish(subject: "a", headers: ["x": "y"], payload: [1, 2]) }
        #expect(error?.code == .disconnected && error?.isRetriable == true)
        #expect(await #expect(throws: NATSError.self) { try await nats.request(subject: "a") }?.code == .disconnected)
        try await server.start()
        #expect(await eventually { nats.state == .connected })
        try nats.publish(subject: "a", headers: ["x": "y"], payload: [1])
        #expect(await eventually { received.all == [1] })
        subscription.unsubscribe()
    }

    @Test("A connection that is not to reconnect is closed by the loss")
    func noReconnect() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server) { $0.reconnects = false }
        let states = Collected<NATSConnectionState>()
        nats.onStateChange { states.append($0) }
        server.kill()
        #expect(await eventually { states.all == [.connected, .closed] })
        #expect(nats.lastError?.code == .disconnected)
        try await server.start()
        #expect(#expect(throws: NATSError.self) { try nats.publish(subject: "a") }?.code == .closed)
    }

    @Test("A server that hangs is given up, and publishing to it neither blocks for long nor goes unnoticed")
    func hangingServer() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server) {
            $0.pingInterval = .milliseconds(100)
            $0.writeDeadline = .milliseconds(200)
            $0.connectTimeout = .milliseconds(200)
        }
        server.freeze()
        let payload = [UInt8](repeating: 1, count: 500_000)
        let begin = ContinuousClock.now
        let refused = await eventually {
            do {
                for _ in 0..<10 { try nats.publish(subject: "a", payload: payload) }
                return false
            } catch {
                return true
            }
        }
        #expect(refused)
        #expect(await eventually { nats.state == .reconnecting })
        #expect(ContinuousClock.now - begin < .seconds(8))
        server.thaw()
        #expect(await eventually { nats.state == .connected })
        try await nats.flush()
    }

    @Test("A new observer gets the current state first")
    func observer() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let states = Collected<NATSConnectionState>()
        nats.onStateChange { states.append($0) }
        #expect(await eventually { states.all == [.connected] })
        await nats.close()
        #expect(await eventually { states.all == [.connected, .closed] })
        nats.onStateChange { states.append($0) }
        #expect(await eventually { states.all == [.connected, .closed, .closed] })
        #expect(throws: NATSError.self) { try nats.publish(subject: "a") }
        #expect(throws: NATSError.self) { try nats.subscribe("a") { _ in } }
        await #expect(throws: NATSError.self) { try await nats.flush() }
        await nats.close()
    }
}
