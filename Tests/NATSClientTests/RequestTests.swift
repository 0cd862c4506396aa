import NATSClient
import TestKit
import Testing

@Suite("Requests", .timeLimit(.minutes(5)))
struct RequestTests {
    @Test("Every request gets its own answer", arguments: [false, true])
    func answers(isPolled: Bool) async throws {
        let server = try await NATSServer()
        let nats = try await connect(server) {
            $0.isPolled = isPolled
            $0.reconnects = !isPolled
        }
        let service = try nats.subscribe("double") { delivery in
            let number = delivery.withPayload { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }
            guard let reply = delivery.reply else { return }
            try? nats.publish(subject: reply, headers: ["n": "\(number)"], payload: Array(String(number * 2).utf8))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<2000 {
                group.addTask {
                    let answer = try await nats.request(subject: "double", payload: Array(String(number).utf8), timeout: .seconds(20))
                    #expect(answer.payload == Array(String(number * 2).utf8) && answer.headers["n"] == "\(number)")
                }
            }
            try await group.waitForAll()
        }
        service.unsubscribe()
    }

    @Test("A subject without a listener is an error at once")
    func noResponders() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let error = await #expect(throws: NATSError.self) { try await nats.request(subject: "nobody", timeout: .seconds(50)) }
        #expect(error?.code == .noResponders && error?.isRetriable == true)
    }

    @Test("A listener that does not answer is a timeout")
    func timeout() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let silent = try nats.subscribe("silent") { _ in }
        let long = Task { try await nats.request(subject: "silent", timeout: .seconds(50)) }
        let begin = ContinuousClock.now
        let error = await #expect(throws: NATSError.self) { try await nats.request(subject: "silent", timeout: .milliseconds(50)) }
        #expect(error?.code == .timeout && error?.isRetriable == true)
        #expect(ContinuousClock.now - begin >= .milliseconds(50))
        long.cancel()
        await #expect(throws: NATSError.self) { try await long.value }
        silent.unsubscribe()
    }

    @Test("Cancelling ends a request, before and after it was sent")
    func cancellation() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let asked = Collected<Int>()
        let silent = try nats.subscribe("silent") { asked.append($0.payloadCount) }
        let request = Task { try await nats.request(subject: "silent", timeout: .seconds(50)) }
        #expect(await eventually { asked.count == 1 })
        request.cancel()
        let late = await #expect(throws: NATSError.self) { try await request.value }
        #expect(late?.code == .cancelled)
        let early = Task {
            while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
            return try await nats.request(subject: "silent", timeout: .seconds(50))
        }
        early.cancel()
        let error = await #expect(throws: NATSError.self) { try await early.value }
        #expect(error?.code == .cancelled)
        silent.unsubscribe()
    }

    @Test("Losing the server ends the outstanding requests at once, closing the connection too")
    func disconnect() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let asked = Collected<Int>()
        let silent = try nats.subscribe("silent") { asked.append($0.payloadCount) }
        let lost = Task { try await nats.request(subject: "silent", timeout: .seconds(50)) }
        #expect(await eventually { asked.count == 1 })
        server.kill()
        let error = await #expect(throws: NATSError.self) { try await lost.value }
        #expect(error?.code == .disconnected && error?.isRetriable == true)
        try await server.start()
        #expect(await eventually { nats.state == .connected })
        let closed = Task { try await nats.request(subject: "silent", timeout: .seconds(50)) }
        #expect(await eventually { asked.count == 2 })
        await nats.close()
        #expect(await #expect(throws: NATSError.self) { try await closed.value }?.code == .closed)
        #expect(await #expect(throws: NATSError.self) { try await nats.request(subject: "silent") }?.code == .closed)
        silent.unsubscribe()
    }

    @Test("An answer after the deadline is dropped")
    func lateAnswer() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let replies = Collected<String>()
        let slow = try nats.subscribe("slow") { delivery in if let reply = delivery.reply { replies.append(reply) } }
        await #expect(throws: NATSError.self) { try await nats.request(subject: "slow", timeout: .milliseconds(20)) }
        #expect(await eventually { replies.count == 1 })
        let fast = try nats.subscribe("fast") { delivery in
            try? nats.publish(subject: replies.all[0], payload: [1])
            try? nats.publish(subject: delivery.reply ?? "", payload: [2])
        }
        #expect(try await nats.request(subject: "fast", timeout: .seconds(30)).payload == [2])
        slow.unsubscribe()
        fast.unsubscribe()
    }
}
