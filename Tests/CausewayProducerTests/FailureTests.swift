import Basics
import CausewayProducer
import EventLog
import EventModel
import Foundation
import NATSClient
import Synchronization
import TestKit
import Testing

/// The errors when the bus, or the log on it, does not accept an event.
@Suite(.timeLimit(.minutes(2))) struct FailureTests {
    private static let incident = ["incidentId": "i"]

    // MARK: Sizes

    @Test("a payload of more than 256 KiB is invalidEvent, on any bus")
    func payloadTooLarge() async throws {
        let producer = try await ProducerBench.unconnected(timeout: .seconds(60))
        let payload = ["incidentId": "i", "filler": String(repeating: "x", count: Payload.maximumBytes)]
        let error = await failure { try await producer.publish("incident.created", tenant: "acme", payload: payload) }
        #expect(error?.code == .invalidEvent)
        #expect(error?.field == "payload")
        await producer.close()
    }

    @Test("an event that is larger than the bus takes is tooLarge with the limit, not sent, and keeps none of its neighbours out")
    func busLimit() async throws {
        let bench = try await ProducerBench(NATSServer.Options(configuration: "max_payload: 8192"))
        let large = #"{"incidentId":"\#(String(repeating: "x", count: 250))","filler":"\#(String(repeating: "x", count: 8192))"}"#
        let error = await failure { try await bench.producer.publish("incident.created", tenant: "acme", payload: Payload.of(large)) }
        #expect(error?.code == .tooLarge)
        #expect(error?.field == "payload")
        #expect(error?.message.contains("8192") == true)
        #expect(error?.isRetriable == false)
        let several = await failure { try await bench.producer.publish(contentsOf: [event("a"), event("b", payload: large)]) }
        #expect(several?.code == .tooLarge)
        #expect(several?.field == "[1].payload")
        #expect(try await bench.storedCount == 0)
        let results = try await bench.producer.publish(each: [event("a"), event("b", payload: large), event("c")])
        #expect(results.map { (try? $0.get())?.cursor.sequence } == [1, nil, 2])
        // The place in the list is the place of the result.
        #expect(throws: ProducerError(.tooLarge, several?.message ?? "", field: "payload")) { try results[1].get() }
    }

    // MARK: Outages

    @Test("a bus that cannot be reached is unavailable once the time is over, and not before, with the place in the message")
    func deadline() async throws {
        let producer = try await ProducerBench.unconnected(timeout: .milliseconds(200))
        #expect(!producer.isReady)
        let begin = ContinuousClock.now
        let error = await failure { try await producer.publish("incident.created", tenant: "acme", payload: Self.incident) }
        #expect(begin.duration(to: .now) >= .milliseconds(200))
        #expect(error?.code == .unavailable)
        #expect(error?.field == nil)
        #expect(error?.isRetriable == true)
        #expect(error?.message.contains("127.0.0.1") == true)
        // A call's own time wins over the configuration's.
        let quick = ContinuousClock.now
        let configured = try await ProducerBench.unconnected(timeout: .seconds(600))
        let early = await failure {
            try await configured.publish("incident.created", tenant: "acme", payload: Self.incident, timeout: .milliseconds(20))
        }
        #expect(early?.code == .unavailable)
        #expect(quick.duration(to: .now) < .seconds(60))
        await producer.close()
        await configured.close()
    }

    @Test("a program may start before the bus does: what it publishes is stored when the bus comes")
    func startsFirst() async throws {
        let server = try await NATSServer()
        server.kill()
        let producer = try await EventProducer.connect(
            ProducerBench.configuration(server.url, timeout: .seconds(60)),
            logger: ProducerBench.quiet
        )
        #expect(!producer.isReady)
        async let published = producer.publish("incident.created", tenant: "acme", payload: Self.incident)
        try await server.start()
        #expect(try await published.cursor.sequence == 1)
        #expect(producer.isReady)
        await producer.close()
    }

    @Test("a publish tries through an outage, and what was stored before it is there after it")
    func throughAnOutage() async throws {
        let bench = try await ProducerBench()
        let producer = try await bench.another(timeout: .seconds(60))
        try await producer.publish("incident.created", tenant: "acme", payload: Self.incident, id: "before")
        bench.server.kill()
        #expect(await eventually { !producer.isReady })
        async let published = producer.publish("incident.created", tenant: "acme", payload: Self.incident, id: "during")
        try await bench.server.start()
        #expect(try await published.cursor.sequence == 2)
        await producer.close()
    }

    @Test("a publish whose acknowledgement does not come fails retriably, and its repetition under the same id is one event")
    func noAcknowledgement() async throws {
        let bench = try await ProducerBench()
        let producer = try await bench.another(timeout: .seconds(60))
        try await producer.ready()
        bench.server.freeze()
        // The signal takes effect when the kernel has stopped the last thread; until then the server may answer.
        let pid = try #require(bench.server.pid)
        #expect(await eventually { Self.isStopped(pid) })
        let error = await failure {
            try await producer.publish("incident.created", tenant: "acme", payload: Self.incident, id: "e", timeout: .milliseconds(300))
        }
        bench.server.thaw()
        #expect(error?.isRetriable == true)
        let published = try await producer.publish("incident.created", tenant: "acme", payload: Self.incident, id: "e")
        #expect(published.cursor.sequence == 1)
        // Whether the first one arrived or not: the log has one.
        let next = try await producer.publish("incident.created", tenant: "acme", payload: Self.incident, id: "next")
        #expect(next.cursor.sequence == 2)
        await producer.close()
    }

    /// Whether every thread of a process is stopped: state `T` behind the name in its `stat`. proc(5).
    private static func isStopped(_ pid: Int32) -> Bool {
        let tasks = "/proc/\(pid)/task"
        guard let threads = try? FileManager.default.contentsOfDirectory(atPath: tasks), !threads.isEmpty else { return false }
        return threads.allSatisfy { thread in
            let stat = FileManager.default.contents(atPath: "\(tasks)/\(thread)/stat").map { String(decoding: $0, as: UTF8.self) }
            return stat?.split(separator: ")").last?.hasPrefix(" T ") == true
        }
    }

    // MARK: The log

    @Test("the log is created as configured when it is missing, and again when it was deleted")
    func missingLog() async throws {
        let bench = try await ProducerBench()
        let first = try await bench.producer.publish("incident.created", tenant: "acme", payload: Self.incident)
        #expect(try await bench.jetStream.streamInfo("EVENTS").configuration.maxBytes == 1 << 30)
        try await bench.jetStream.deleteStream("EVENTS")
        let second = try await bench.producer.publish("incident.created", tenant: "acme", payload: Self.incident)
        #expect(second.cursor.sequence == 1)
        // Another log: a client must not confuse the cursors of the two.
        #expect(second.cursor.epoch != first.cursor.epoch)
    }

    @Test("a stream that cannot be the log is refused with what to do, at once; set right, the same producer publishes")
    func incompatibleLog() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.ready()
        try await bench.jetStream.deleteStream("EVENTS")
        var stream = StreamConfiguration(name: "EVENTS", subjects: ["events.>"])
        _ = try await bench.jetStream.createStream(stream)
        let producer = try await bench.another(timeout: .seconds(600))
        let error = await failure { try await producer.publish("incident.created", tenant: "acme", payload: Self.incident) }
        #expect(error?.code == .refused)
        #expect(error?.isRetriable == false)
        #expect(error?.message.contains("nats stream edit EVENTS --subjects") == true)
        #expect(!producer.isReady)
        stream.subjects = ["events.>", "executions.>"]
        _ = try await bench.jetStream.updateStream(stream)
        #expect(try await producer.publish("incident.created", tenant: "acme", payload: Self.incident).cursor.sequence == 1)
        await producer.close()
    }

    @Test("a server without JetStream is unavailable, with the reason that is known")
    func noJetStream() async throws {
        let server = try await NATSServer(NATSServer.Options(hasJetStream: false))
        let producer = try await EventProducer.connect(ProducerBench.configuration(server.url), logger: ProducerBench.quiet)
        #expect(await eventually { producer.connection.state == .connected })
        let error = await failure { try await producer.ready(within: .milliseconds(500)) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("the log could not be opened") == true)
        await producer.close()
    }

    @Test("credentials that the server refuses are refused when the producer connects, without the password")
    func credentials() async throws {
        let server = try await NATSServer(.user("svc", password: "right"))
        var configuration = ProducerBench.configuration(server.url)
        configuration.nats.authentication = .userPassword(user: "svc", password: "wr0ng-pass")
        let error = await failure { try await EventProducer.connect(configuration, logger: ProducerBench.quiet) }
        #expect(error?.code == .refused)
        #expect(error?.isRetriable == false)
        #expect(error?.description.contains("wr0ng-pass") == false)
        configuration.nats.authentication = .userPassword(user: "svc", password: "right")
        let producer = try await EventProducer.connect(configuration, logger: ProducerBench.quiet)
        #expect(try await producer.publish("incident.created", tenant: "acme", payload: Self.incident).cursor.sequence == 1)
        await producer.close()
    }

    @Test("a configuration of the log that cannot be meant is refused at once")
    func logConfiguration() async throws {
        let server = try await NATSServer()
        var configuration = ProducerBench.configuration(server.url, timeout: .seconds(600))
        configuration.log.replicas = 2
        let producer = try await EventProducer.connect(configuration, logger: ProducerBench.quiet)
        let error = await failure { try await producer.publish("incident.created", tenant: "acme", payload: Self.incident) }
        #expect(error?.code == .refused)
        #expect(error?.message.contains("replicas") == true || error?.message.contains("REPLICAS") == true)
        await producer.close()
    }

    // MARK: The end

    @Test("closing ends publishes that wait and refuses later ones, as closed")
    func closed() async throws {
        let producer = try await ProducerBench.unconnected(timeout: .seconds(600))
        let hasBegun = Flag()
        let waiting = Task {
            hasBegun.raise()
            return await failure { try await producer.publish("incident.created", tenant: "acme", payload: Self.incident) }
        }
        #expect(await eventually { hasBegun.isRaised })
        await producer.close()
        #expect(await waiting.value?.code == .closed)
        let late = await failure { try await producer.publish("incident.created", tenant: "acme", payload: Self.incident) }
        #expect(late?.code == .closed)
        #expect(late?.isRetriable == false)
        let execution = await failure { try await producer.publish("complete", agent: "a", tenant: "acme", payload: Self.incident) }
        #expect(execution?.code == .closed)
        #expect(producer.connection.state == .closed)
    }

    @Test("closing leaves a connection open that was lent")
    func lentConnection() async throws {
        let bench = try await ProducerBench()
        try await bench.producer.ready()
        await bench.producer.close()
        #expect(bench.connection.state == .connected)
        #expect(!bench.producer.isReady)
        let error = await failure { try await bench.producer.publish("incident.created", tenant: "acme", payload: Self.incident) }
        #expect(error?.code == .closed)
        #expect(try await bench.storedCount == 0)
    }

    @Test("a publish whose task is cancelled ends as cancelled, and the producer goes on")
    func cancelled() async throws {
        let bench = try await ProducerBench()
        bench.server.kill()
        let producer = try await EventProducer.connect(
            ProducerBench.configuration(bench.server.url, timeout: .seconds(600)),
            logger: ProducerBench.quiet
        )
        let waiting = Task { await failure { try await producer.publish("incident.created", tenant: "acme", payload: Self.incident) } }
        waiting.cancel()
        #expect(await waiting.value?.code == .cancelled)
        try await bench.server.start()
        #expect(
            try await producer.publish("incident.created", tenant: "acme", payload: Self.incident, timeout: .seconds(60)).cursor.sequence
                == 1
        )
        await producer.close()
    }
}

/// Raised by one task, seen by another.
private final class Flag: Sendable {
    private let value = Atomic<Bool>(false)

    var isRaised: Bool { value.load(ordering: .acquiring) }

    func raise() { value.store(true, ordering: .releasing) }
}
