import Basics
import CausewayProducer
import EventLog
import EventModel

/// Where accepted events go.
protocol EventSink: Sendable {
    /// Stores events in their order, all of them before it returns; see ``EventProducer/publish(contentsOf:under:intake:timeout:)``.
    func publish(contentsOf events: [Event], under key: RequestKey?, intake: Timestamp?, timeout: Duration?) async throws(ProducerError)
        -> [PublishedEvent]

    /// Stores events in their order, each for itself; see ``EventProducer/publish(each:intake:timeout:)``.
    func publish(each events: [Event], intake: Timestamp?, timeout: Duration?) async throws(ProducerError)
        -> [Result<PublishedEvent, ProducerError>]
}

extension EventProducer: EventSink {}
