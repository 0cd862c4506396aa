import EventLog
import NATSClient
import Testing

@testable import CausewayProducer

/// What a producer does without being told, and what its errors mean.
@Suite struct ProducerConfigurationTests {
    @Test("without settings: a nats-server on this machine, every message at once, the common log, ten seconds")
    func defaults() {
        let configuration = ProducerConfiguration()
        #expect(configuration.nats.servers == ["nats://127.0.0.1:4222"])
        #expect(configuration.nats.name == "causeway-producer")
        #expect(configuration.nats.sendAsap)
        #expect(configuration.nats.reconnects)
        #expect(configuration.log == EventLogConfiguration())
        #expect(configuration.log.streamName == "EVENTS")
        #expect(configuration.timeout == .seconds(10))
    }

    @Test(
        "what the log says becomes a code of the library; only what may pass is retriable",
        arguments: [
            (.unavailable, .unavailable, true), (.busy, .unavailable, true), (.timeout, .timeout, true), (.full, .full, true),
            (.conflict, .conflict, false), (.tooLarge, .tooLarge, false), (.incompatibleStream, .refused, false),
            (.unsupportedServer, .refused, false), (.notWritable, .refused, false), (.rejected, .refused, false),
            (.cancelled, .cancelled, false), (.closed, .closed, false),
        ] as [(EventLogError.Code, ProducerError.Code, Bool)]
    )
    func codes(log: EventLogError.Code, producer: ProducerError.Code, isRetriable: Bool) {
        let error = ProducerError(EventLogError(code: log, message: "Why."))
        #expect(error.code == producer)
        #expect(error.isRetriable == isRetriable)
        #expect(error.message == "Why.")
    }

    @Test("an error is its code, its field where there is one, and its sentence")
    func description() {
        #expect(ProducerError(.closed, "It was closed.").description == "closed: It was closed.")
        #expect(ProducerError(.conflict, "It is used.", field: "[3].id").description == "conflict: [3].id: It is used.")
        #expect(ProducerError(EventLogError(code: .conflict, message: "m", field: "id", index: 3)).field == "[3].id")
        #expect(ProducerError(EventLogError(code: .conflict, message: "m", field: "id")).field == "id")
    }
}
