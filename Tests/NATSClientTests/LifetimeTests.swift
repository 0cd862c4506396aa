import NATSClient
import TestKit
import Testing

@Suite("What is released, and when", .timeLimit(.minutes(5)))
struct LifetimeTests {
    @Test("Unsubscribing releases the handler and what it holds")
    func unsubscribe() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        weak var released: Witness?
        do {
            let witness = Witness()
            released = witness
            let subscription = try nats.subscribe("a") { _ in withExtendedLifetime(witness) {} }
            try nats.publish(subject: "a")
            try await nats.flush()
            subscription.unsubscribe()
        }
        #expect(await eventually { released == nil })
    }

    @Test("Closing releases handlers and observers of subscriptions that are still held")
    func close() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        weak var handler: Witness?
        weak var observer: Witness?
        let subscription: NATSSubscription
        do {
            let witnesses = (Witness(), Witness())
            (handler, observer) = witnesses
            subscription = try nats.subscribe("a") { [witness = witnesses.0] _ in withExtendedLifetime(witness) {} }
            nats.onStateChange { [witness = witnesses.1] _ in withExtendedLifetime(witness) {} }
        }
        #expect(handler != nil && observer != nil)
        await nats.close()
        #expect(await eventually { handler == nil })
        #expect(await eventually { observer == nil })
        subscription.unsubscribe()
    }

    @Test("Releasing the connection closes it, even while its server is away")
    func release() async throws {
        let server = try await NATSServer()
        weak var handler: Witness?
        weak var connection: NATSConnection?
        let states = Collected<NATSConnectionState>()
        do {
            let witness = Witness()
            handler = witness
            let nats = try await connect(server)
            connection = nats
            nats.onStateChange { states.append($0) }
            let subscription = try nats.subscribe("a") { _ in withExtendedLifetime(witness) {} }
            server.kill()
            #expect(await eventually { nats.state == .reconnecting })
            withExtendedLifetime(subscription) {}
        }
        #expect(await eventually { connection == nil && handler == nil })
        #expect(await eventually { states.all.last == .closed })
    }

    @Test("A subscription may outlive its connection")
    func subscriptionOutlives() async throws {
        let server = try await NATSServer()
        var nats: NATSConnection? = try await connect(server)
        let subscription = try #require(try nats?.subscribe("a") { _ in })
        weak let connection = nats
        nats = nil
        #expect(await eventually { connection == nil })
        subscription.unsubscribe()
    }
}
