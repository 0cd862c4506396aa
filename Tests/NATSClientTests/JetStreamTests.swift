import TestKit
import Testing

@testable import NATSClient

@Suite("JetStream: streams and messages", .timeLimit(.minutes(5)))
struct JetStreamTests {
    @Test("A stream is created, described, changed and deleted")
    func streamLifecycle() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let jetStream = JetStream(nats, timeout: .seconds(30))
        var configuration = StreamConfiguration(name: "S", subjects: ["s.>", "t.*"])
        configuration.maxAge = .seconds(7 * 86_400)
        configuration.maxBytes = 10_000_000
        configuration.duplicateWindow = .seconds(30)
        configuration.allowDirect = true
        configuration.denyDelete = true
        configuration.description = "test"
        let created = try await jetStream.createStream(configuration)
        #expect(created.configuration == configuration)
        #expect(created.state.messages == 0 && created.state.lastSequence == 0 && created.state.firstTimestamp == nil)
        #expect(created.created > 1_700_000_000_000_000_000 && created.created % 1_000_000 != 0)
        let ack = try await jetStream.publish(subject: "s.a", payload: [1])
        let info = try await jetStream.streamInfo("S")
        #expect(info.created == created.created)
        #expect(info.state.messages == 1 && info.state.firstSequence == ack.sequence && info.state.lastSequence == ack.sequence)
        #expect(info.state.bytes > 0 && info.state.firstTimestamp == info.state.lastTimestamp)
        #expect(try #require(info.state.firstTimestamp) > created.created)
        configuration.maxAge = .seconds(60)
        #expect(try await jetStream.updateStream(configuration).configuration == configuration)
        try await jetStream.deleteStream("S")
        #expect(await failure { _ = try await jetStream.streamInfo("S") }?.code == .streamNotFound)
    }

    @Test("A stream's messages are readable from its information on, until it is gone or the connection is lost")
    func readableStreams() async throws {
        let (server, jetStream) = try await stream()
        let nats = jetStream.connection
        #expect(!nats.readableStreams.contains("S"))
        _ = await failure { _ = try await jetStream.message(stream: "S", sequence: 1) }
        #expect(nats.readableStreams.contains("S"))
        server.kill()
        #expect(await eventually { nats.state == .reconnecting })
        #expect(!nats.readableStreams.contains("S"))
        try await server.start()
        #expect(await eventually { nats.state == .connected })
        _ = try await jetStream.streamInfo("S")
        try await jetStream.deleteStream("S")
        #expect(!nats.readableStreams.contains("S"))
        // Another process may have deleted it.
        nats.readableStreams.insert("S", losses: nats.readableStreams.losses)
        #expect(await failure { _ = try await jetStream.streamInfo("S") }?.code == .streamNotFound)
        #expect(!nats.readableStreams.contains("S"))
    }

    @Test("The information of a lost connection's server makes no stream readable")
    func lateInformation() {
        let streams = ReadableStreams()
        let losses = streams.losses
        streams.connectionLost()
        streams.insert("S", losses: losses)
        #expect(!streams.contains("S"))
        streams.insert("S", losses: streams.losses)
        #expect(streams.contains("S"))
    }

    @Test("Creating again: the same is the same, another is a conflict")
    func createTwice() async throws {
        let server = try await NATSServer()
        let jetStream = JetStream(try await connect(server), timeout: .seconds(30))
        var configuration = StreamConfiguration(name: "S", subjects: ["s.>"])
        let created = try await jetStream.createStream(configuration)
        #expect(try await jetStream.createStream(configuration).created == created.created)
        configuration.subjects = ["other.>"]
        #expect(await failure { _ = try await jetStream.createStream(configuration) }?.code == .streamNameInUse)
    }

    @Test("A message id is stored once")
    func deduplication() async throws {
        let (server, jetStream) = try await stream()
        let first = try await jetStream.publish(subject: "s.a", payload: [1], messageID: "id")
        let second = try await jetStream.publish(subject: "s.b", payload: [2], messageID: "id")
        #expect(first == PublishAck(stream: "S", sequence: 1))
        #expect(second == PublishAck(stream: "S", sequence: 1, isDuplicate: true))
        #expect(try await jetStream.streamInfo("S").state.messages == 1)
        withExtendedLifetime(server) {}
    }

    @Test("Create once: the first wins, the others learn of it and read what won")
    func createOnce() async throws {
        let (server, jetStream) = try await stream()
        let outcomes = await withTaskGroup(of: JetStreamError?.self) { group in
            for number in 0..<20 {
                group.addTask {
                    await failure {
                        _ = try await jetStream.publish(
                            subject: "s.decision",
                            headers: ["ce-id": "\(number)"],
                            payload: [UInt8(number)],
                            expectedLastSubjectSequence: 0
                        )
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == nil } == 1)
        #expect(outcomes.compactMap { $0 }.allSatisfy { $0.code == .wrongLastSequence && !$0.isRetriable })
        let winner = try await jetStream.lastMessage(stream: "S", subject: "s.decision")
        #expect(winner.headers["ce-id"].flatMap { UInt8($0) } == winner.payload.first)
        let next = try await jetStream.publish(subject: "s.decision", payload: [], expectedLastSubjectSequence: winner.sequence)
        #expect(next.sequence > winner.sequence)
        withExtendedLifetime(server) {}
    }

    @Test("A stored message is read by sequence and by subject, at the leader and directly", arguments: [false, true])
    func read(allowDirect: Bool) async throws {
        let (server, jetStream) = try await stream { $0.allowDirect = allowDirect }
        let source: JetStream.ReadSource = allowDirect ? .anyReplica : .leader
        let headers: NATSHeaders = ["ce-id": "x:y", "ce-type": "a.b"]
        let payload = (0...255).map { UInt8($0) }
        let ack = try await jetStream.publish(subject: "s.a", headers: headers, payload: payload)
        _ = try await jetStream.publish(subject: "s.b", payload: [])
        let message = try await jetStream.message(stream: "S", sequence: ack.sequence, from: source)
        #expect(message.subject == "s.a" && message.sequence == ack.sequence && message.payload == payload)
        #expect(Set(message.headers.fields) == Set(headers.fields))
        #expect(message.timestamp == (try await jetStream.streamInfo("S").state.firstTimestamp))
        let last = try await jetStream.lastMessage(stream: "S", subject: "s.b", from: source)
        #expect(last.sequence == 2 && last.payload.isEmpty && last.headers.isEmpty)
        let liar: NATSHeaders = [
            "Nats-Subject": "s.other", "nats-subject": "s.other", "Nats-Sequence": "77", "Nats-Time-Stamp": "2000-01-01T00:00:00Z",
        ]
        let third = try await jetStream.publish(subject: "s.c", headers: liar, payload: [])
        let honest = try await jetStream.message(stream: "S", sequence: third.sequence, from: source)
        #expect(honest.subject == "s.c" && honest.sequence == third.sequence && honest.timestamp >= message.timestamp)
        #expect(await failure { _ = try await jetStream.message(stream: "S", sequence: 9, from: source) }?.code == .messageNotFound)
        #expect(await failure { _ = try await jetStream.lastMessage(stream: "S", subject: "s.d", from: source) }?.code == .messageNotFound)
        withExtendedLifetime(server) {}
    }

    @Test("A failed store is reported as an error")
    func refusals() async throws {
        let server = try await NATSServer()
        let nats = try await connect(server)
        let jetStream = JetStream(nats, timeout: .seconds(30))
        let nowhere = await failure { _ = try await jetStream.publish(subject: "s.a", payload: [], timeout: .seconds(50)) }
        #expect(nowhere?.code == .noResponders && nowhere?.isRetriable == true)
        #expect(await failure { _ = try await jetStream.publish(subject: "s a", payload: []) }?.code == .client)
        #expect(await failure { _ = try await jetStream.publish(subject: "s", headers: ["a": "\n"], payload: []) }?.code == .client)
        for name in ["", "a.b", "a*", "a b"] {
            #expect(await failure { _ = try await jetStream.streamInfo(name) }?.code == .client)
        }
        var small = StreamConfiguration(name: "S", subjects: ["s.>"])
        small.maxMessageSize = 10
        small.maxMessages = 1
        small.discard = .new
        _ = try await jetStream.createStream(small)
        let tooLarge = await failure { _ = try await jetStream.publish(subject: "s.a", payload: [UInt8](repeating: 1, count: 11)) }
        #expect(tooLarge?.code == .api(10054) && tooLarge?.isRetriable == false)
        _ = try await jetStream.publish(subject: "s.a", payload: [1])
        #expect(await failure { _ = try await jetStream.publish(subject: "s.a", payload: [2]) }?.code == .storeFailed)
        server.kill()
        #expect(await eventually { nats.state == .reconnecting })
        let lost = await failure { _ = try await jetStream.publish(subject: "s.a", payload: []) }
        #expect(lost?.code == .disconnected && lost?.isRetriable == true)
    }

    @Test("A server without JetStream is reported at once")
    func disabled() async throws {
        let server = try await NATSServer(.init(hasJetStream: false))
        let jetStream = JetStream(try await connect(server), timeout: .seconds(50))
        #expect(await failure { _ = try await jetStream.streamInfo("S") }?.code == .noResponders)
    }

    @Test("What was acknowledged is there after kill -9, and a message sent again is not stored twice")
    func restart() async throws {
        let (server, jetStream) = try await stream()
        for number in 1...50 { _ = try await jetStream.publish(subject: "s.a", payload: [], messageID: "\(number)") }
        let created = try await jetStream.streamInfo("S").created
        server.kill()
        try await server.start()
        #expect(await eventually { jetStream.connection.state == .connected })
        let again = try await jetStream.publish(subject: "s.a", payload: [], messageID: "50")
        #expect(again == PublishAck(stream: "S", sequence: 50, isDuplicate: true))
        let info = try await jetStream.streamInfo("S")
        #expect(info.state.messages == 50 && info.created == created)
    }
}

/// A server with a stream `S` for `s.>`.
func stream(_ change: (inout StreamConfiguration) -> Void = { _ in }) async throws -> (NATSServer, JetStream) {
    let server = try await NATSServer()
    let jetStream = JetStream(try await connect(server), timeout: .seconds(20))
    var configuration = StreamConfiguration(name: "S", subjects: ["s.>"])
    change(&configuration)
    _ = try await jetStream.createStream(configuration)
    return (server, jetStream)
}

/// What an operation fails with; nil if it succeeds.
func failure(_ operation: () async throws -> Void) async -> JetStreamError? {
    do {
        try await operation()
        return nil
    } catch {
        #expect(error is JetStreamError)
        return error as? JetStreamError
    }
}
