import NATSClient
import TestKit
import Testing

@Suite("Publishing and subscribing", .timeLimit(.minutes(5)))
struct PublishSubscribeTests {
    @Test("A message arrives whole: subject, reply, headers, and any bytes")
    func message() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let received = Collected<NATSMessage>()
        let subscription = try nats.subscribe("a.*") { received.append($0.copy()) }
        var headers: NATSHeaders = ["ce-id": "1 2:3", "empty": "", "utf8": "ä€"]
        headers.append("ce-id", "second")
        let payload = (0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7) } + [0, 0]
        try nats.publish(subject: "a.b", reply: "x.y", headers: headers, payload: payload)
        try nats.publish(subject: "a.empty")
        #expect(await eventually { received.count == 2 })
        let message = try #require(received.all.first)
        #expect(message.subject == "a.b" && message.reply == "x.y" && message.payload == payload)
        #expect(Set(message.headers.fields) == Set(headers.fields))
        #expect(message.headers.fields.filter { $0.name == "ce-id" }.map(\.value) == ["1 2:3", "second"])
        #expect(received.all[1].payload.isEmpty && received.all[1].reply == nil && received.all[1].headers.isEmpty)
        subscription.unsubscribe()
        await nats.close()
    }

    @Test("The view of a message shows what the copy holds")
    func view() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let seen = Collected<[String?]>()
        let subscription = try nats.subscribe("v") { delivery in
            seen.append([
                delivery.subject, delivery.reply, delivery.header("a"), delivery.header("A"), delivery.header("b"),
                delivery.withPayload { String(decoding: $0, as: UTF8.self) }, delivery.withSubject { String(decoding: $0, as: UTF8.self) },
                delivery.withReply { String(decoding: $0, as: UTF8.self) }, delivery.status.map(String.init), String(delivery.payloadCount),
            ])
        }
        try nats.publish(subject: "v", reply: "r", headers: ["a": "1"], payload: Array("body".utf8))
        #expect(await eventually { seen.count == 1 })
        #expect(seen.all == [["v", "r", "1", "1", nil, "body", "v", "r", nil, "4"]])
        withExtendedLifetime(subscription) {}
    }

    @Test("A header without a value hides nothing, with and without a reply subject or a body", arguments: ["{}", ""], [nil, "r.s"])
    func emptyHeader(body: String, reply: String?) async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let received = Collected<NATSMessage>()
        let subscription = try nats.subscribe("a") { received.append($0.copy()) }
        try await nats.flush()
        let headers = "traceparent: \r\nce-userid: u1\r\nce-source:\r\nce-id:1\r\n"
        try RawClient(port: server.port).publish("a", reply: reply, headers: headers, payload: body)
        #expect(await eventually { received.count == 1 })
        let message = try #require(received.all.first)
        #expect(message.headers == ["traceparent": "", "ce-userid": "u1", "ce-source": "", "ce-id": "1"])
        #expect(message.payload == Array(body.utf8) && message.reply == reply)
        subscription.unsubscribe()
    }

    @Test("Messages come in the order in which they were published")
    func order() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let received = Collected<Int>()
        let subscription = try nats.subscribe("o", isUnbounded: true) { delivery in
            received.append(delivery.withPayload { Int(String(decoding: $0, as: UTF8.self)) ?? -1 })
        }
        for number in 0..<20_000 { try nats.publish(subject: "o", payload: Array(String(number).utf8)) }
        #expect(await eventually { received.count == 20_000 })
        #expect(received.all == Array(0..<20_000))
        withExtendedLifetime(subscription) {}
    }

    @Test("A queue group shares its messages")
    func queueGroup() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let received = [Collected<Int>(), Collected<Int>()]
        let members = try received.map { received in try nats.subscribe("q", queue: "group") { received.append($0.payloadCount) } }
        for _ in 0..<200 { try nats.publish(subject: "q", payload: [1]) }
        #expect(await eventually { received.map(\.count).reduce(0, +) == 200 })
        #expect(received.allSatisfy { $0.count > 0 })
        withExtendedLifetime(members) {}
    }

    @Test("No handler runs after unsubscribing within it")
    func unsubscribeWithin() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let received = Collected<Int>()
        let holder = Holder()
        let subscription = try nats.subscribe("u") { delivery in
            received.append(delivery.payloadCount)
            holder.subscription?.unsubscribe()
        }
        holder.subscription = subscription
        for _ in 0..<100 { try nats.publish(subject: "u", payload: [1]) }
        // The answer to a later message proves that all earlier ones have been delivered or dropped.
        let answering = try nats.subscribe("done") { try? nats.publish(subject: $0.reply ?? "", payload: []) }
        _ = try await nats.request(subject: "done", timeout: .seconds(30))
        #expect(received.count == 1)
        subscription.unsubscribe()
        answering.unsubscribe()
        holder.subscription = nil
    }

    @Test("Releasing a subscription ends it")
    func release() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let received = Collected<Int>()
        do {
            _ = try nats.subscribe("r") { received.append($0.payloadCount) }
        }
        let answering = try nats.subscribe("done") { try? nats.publish(subject: $0.reply ?? "", payload: []) }
        try nats.publish(subject: "r", payload: [1])
        _ = try await nats.request(subject: "done", timeout: .seconds(30))
        #expect(received.count == 0)
        withExtendedLifetime(answering) {}
    }

    @Test("Invalid subjects, headers and sizes are refused before they are sent")
    func refused() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        #expect(throws: NATSError.self) { try nats.publish(subject: "a b") }
        #expect(throws: NATSError.self) { try nats.publish(subject: "a", reply: "b c") }
        #expect(throws: NATSError.self) { try nats.publish(subject: "a", headers: ["x": "1\r\nY: 2"]) }
        #expect(throws: NATSError.self) { try nats.subscribe("a b") { _ in } }
        #expect(throws: NATSError.self) { try nats.subscribe("a", queue: "b c") { _ in } }
        let error = #expect(throws: NATSError.self) { try nats.publish(subject: "a", payload: [UInt8](repeating: 0, count: 1_048_577)) }
        #expect(error?.code == .payloadTooLarge && error?.isRetriable == false)
        try await nats.flush()
        #expect(nats.state == .connected)
    }
}

/// A place for a subscription that its handler refers to. It is written before the first message is published.
final class Holder: @unchecked Sendable {
    var subscription: NATSSubscription?
}
