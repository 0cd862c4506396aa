import NATSClient
import TestKit
import Testing

@Suite("JetStream: consumers", .timeLimit(.minutes(5)))
struct ConsumerTests {
    @Test("20,000 messages come in order, without a gap, with flow control")
    func push() async throws {
        let (server, jetStream) = try await stream()
        let nats = jetStream.connection
        try await fill(jetStream, 20_000)
        let inbox = nats.newInbox()
        let received = Collected<DeliveryMetadata>()
        let subjects = Collected<String>()
        let flowControls = Collected<String>()
        let subscription = try nats.subscribe(inbox, isUnbounded: true) { delivery in
            if let metadata = delivery.metadata {
                received.append(metadata)
                if metadata.streamSequence == 1 { subjects.append(delivery.subject) }
            } else if delivery.status == 100, let reply = delivery.reply {
                flowControls.append(reply)
                try? nats.publish(subject: reply)
            }
        }
        var configuration = ConsumerConfiguration.push(to: inbox, from: .startSequence(1))
        configuration.flowControl = true
        configuration.idleHeartbeat = .milliseconds(500)
        let consumer = try await jetStream.createConsumer(stream: "S", configuration)
        #expect(consumer.stream == "S" && consumer.configuration.deliverSubject == inbox)
        #expect(await eventually(timeout: .seconds(30)) { received.count == 20_000 })
        #expect(received.all.map(\.streamSequence) == Array(1...20_000))
        #expect(received.all.map(\.consumerSequence) == Array(1...20_000))
        #expect(received.all.map(\.pending) == Array((0..<20_000).reversed()))
        #expect(received.all.allSatisfy { $0.deliveryCount == 1 })
        #expect(zip(received.all, received.all.dropFirst()).allSatisfy { $0.timestamp <= $1.timestamp })
        #expect(subjects.all == ["s.0"] && flowControls.count > 0)
        let info = try await jetStream.consumerInfo(stream: "S", consumer: consumer.name)
        #expect(info.delivered.streamSequence == 20_000 && info.pending == 0)
        try await jetStream.deleteConsumer(stream: "S", consumer: consumer.name)
        let gone = await failure { _ = try await jetStream.consumerInfo(stream: "S", consumer: consumer.name) }
        #expect(gone?.code == .consumerNotFound)
        subscription.unsubscribe()
        withExtendedLifetime(server) {}
    }

    @Test("Heartbeats of an idle consumer are visible to the handler, with where it stands")
    func heartbeat() async throws {
        let (server, jetStream) = try await stream()
        try await fill(jetStream, 3)
        let inbox = jetStream.connection.newInbox()
        let heartbeats = Collected<[String?]>()
        let subscription = try jetStream.connection.subscribe(inbox) { delivery in
            guard let status = delivery.status else { return }
            heartbeats.append([
                "\(status)", delivery.statusDescription, delivery.header("Nats-Last-Stream"), delivery.header("Nats-Last-Consumer"),
                delivery.reply,
            ])
        }
        var configuration = ConsumerConfiguration.push(to: inbox, from: .all)
        configuration.idleHeartbeat = .milliseconds(100)
        _ = try await jetStream.createConsumer(stream: "S", configuration)
        #expect(await eventually { heartbeats.all.contains(["100", "Idle Heartbeat", "3", "3", nil]) })
        subscription.unsubscribe()
        withExtendedLifetime(server) {}
    }

    @Test("Filter, start and headers-only do what they say")
    func filters() async throws {
        let (server, jetStream) = try await stream()
        try await fill(jetStream, 20)
        let inbox = jetStream.connection.newInbox()
        let received = Collected<[String]>()
        let subscription = try jetStream.connection.subscribe(inbox) { delivery in
            received.append([
                "\(delivery.metadata?.streamSequence ?? 0)", delivery.header("Nats-Msg-Size") ?? "", "\(delivery.payloadCount)",
            ])
        }
        var configuration = ConsumerConfiguration.push(to: inbox, from: .startSequence(5), filter: "s.1")
        configuration.headersOnly = true
        let info = try await jetStream.createConsumer(stream: "S", configuration)
        #expect(info.configuration.filterSubject == "s.1" && info.configuration.deliverPolicy == .startSequence(5))
        #expect(info.configuration.memoryStorage && info.configuration.replicas == 1 && info.configuration.headersOnly)
        // Sequence n has subject s.(n-1) mod 4.
        #expect(await eventually { received.count == 4 })
        #expect(received.all == [["6", "4", "0"], ["10", "4", "0"], ["14", "4", "0"], ["18", "4", "0"]])
        subscription.unsubscribe()
        withExtendedLifetime(server) {}
    }

    @Test("A configuration is what was asked for")
    func configuration() async throws {
        let (server, jetStream) = try await stream()
        var configuration = ConsumerConfiguration.pull(durable: "worker")
        configuration.description = "test"
        configuration.ackWait = .seconds(7)
        configuration.maxDeliver = 3
        configuration.maxAckPending = 11
        configuration.filterSubject = "s.*"
        configuration.inactiveThreshold = .seconds(100)
        let info = try await jetStream.createConsumer(stream: "S", configuration)
        #expect(info.name == "worker")
        #expect(info.configuration.durableName == "worker" && info.configuration.ackPolicy == .explicit)
        #expect(info.configuration.ackWait == .seconds(7) && info.configuration.maxDeliver == 3 && info.configuration.maxAckPending == 11)
        #expect(info.configuration.inactiveThreshold == .seconds(100) && info.configuration.filterSubject == "s.*")
        #expect(try await jetStream.createConsumer(stream: "S", configuration).name == "worker")
        var shared = ConsumerConfiguration.push(to: jetStream.connection.newInbox(), from: .new)
        shared.deliverGroup = "group"
        #expect(try await jetStream.createConsumer(stream: "S", shared).configuration.deliverGroup == "group")
        for policy: ConsumerConfiguration.DeliverPolicy in [.last, .new, .all] {
            let push = ConsumerConfiguration.push(to: jetStream.connection.newInbox(), from: policy)
            #expect(try await jetStream.createConsumer(stream: "S", push).configuration.deliverPolicy == policy)
        }
        withExtendedLifetime(server) {}
    }

    @Test("Work is pulled, done, given back and given up")
    func pull() async throws {
        let (server, jetStream) = try await stream()
        try await fill(jetStream, 5)
        var configuration = ConsumerConfiguration.pull(durable: "worker")
        configuration.ackWait = .seconds(30)
        _ = try await jetStream.createConsumer(stream: "S", configuration)
        let first = try await jetStream.nextMessages(stream: "S", consumer: "worker", batch: 3, wait: .seconds(20))
        #expect(first.map(\.metadata.streamSequence) == [1, 2, 3] && first.map(\.message.subject) == ["s.0", "s.1", "s.2"])
        try await jetStream.acknowledge(first[0])
        try await jetStream.acknowledge(first[1], as: .again(after: nil))
        try await jetStream.acknowledge(first[2], as: .never)
        let rest = try await jetStream.nextMessages(stream: "S", consumer: "worker", batch: 10, wait: .milliseconds(300))
        #expect(Set(rest.map(\.metadata.streamSequence)) == [2, 4, 5])
        #expect(rest.first { $0.metadata.streamSequence == 2 }?.metadata.deliveryCount == 2)
        for message in rest {
            try await jetStream.acknowledge(message, as: .working)
            try await jetStream.acknowledge(message)
        }
        #expect(try await jetStream.nextMessages(stream: "S", consumer: "worker", batch: 10, wait: .milliseconds(50)).isEmpty)
        let info = try await jetStream.consumerInfo(stream: "S", consumer: "worker")
        #expect(info.awaitingAcknowledgement == 0 && info.pending == 0 && info.acknowledged.streamSequence == 5)
        withExtendedLifetime(server) {}
    }

    @Test("A pull waits for work, and ends with cancellation, the consumer and the connection")
    func pullEnds() async throws {
        let (server, jetStream) = try await stream()
        _ = try await jetStream.createConsumer(stream: "S", .pull(durable: "worker"))
        let waiting = Task { try await jetStream.nextMessages(stream: "S", consumer: "worker", batch: 1, wait: .seconds(50)) }
        _ = try await jetStream.publish(subject: "s.0", payload: [7])
        #expect(try await waiting.value.map(\.message.payload) == [[7]])
        let cancelled = pull(jetStream)
        cancelled.cancel()
        #expect(await cancelled.value?.code == .cancelled)
        let deleted = pull(jetStream)
        #expect(await eventually { (try? await jetStream.consumerInfo(stream: "S", consumer: "worker"))?.waiting == 1 })
        try await jetStream.deleteConsumer(stream: "S", consumer: "worker")
        let ended = await deleted.value
        #expect(ended?.code == .pullEnded && ended?.isRetriable == true)
        var another = ConsumerConfiguration.pull(durable: "worker")
        another.deliverPolicy = .new
        _ = try await jetStream.createConsumer(stream: "S", another)
        let lost = pull(jetStream)
        #expect(await eventually { (try? await jetStream.consumerInfo(stream: "S", consumer: "worker"))?.waiting == 1 })
        server.kill()
        #expect(await lost.value?.code == .disconnected)
    }

    @Test("A pull that nobody answers tells a consumer that is gone from one without messages")
    func unansweredPull() async throws {
        let (server, jetStream) = try await stream()
        // It stands for the subscription that a server can leave behind when it deletes a consumer with its stream.
        let left = try jetStream.connection.subscribe("$JS.API.CONSUMER.MSG.NEXT.S.gone") { _ in }
        let error = await failure {
            _ = try await jetStream.nextMessages(stream: "S", consumer: "gone", batch: 1, wait: .milliseconds(1))
        }
        #expect(error?.code == .consumerNotFound)
        left.unsubscribe()
        withExtendedLifetime(server) {}
    }

    private func pull(_ jetStream: JetStream) -> Task<JetStreamError?, Never> {
        Task {
            await failure {
                _ = try await jetStream.nextMessages(stream: "S", consumer: "worker", batch: 1, wait: .seconds(50))
            }
        }
    }

    /// Stores messages of 4 bytes, in turn on the subjects s.0 to s.3.
    private func fill(_ jetStream: JetStream, _ count: Int) async throws {
        for number in 0..<count - 1 {
            try jetStream.connection.publish(subject: "s.\(number % 4)", payload: [1, 2, 3, 4])
        }
        _ = try await jetStream.publish(subject: "s.\((count - 1) % 4)", payload: [1, 2, 3, 4])
    }
}
