import Basics
import CausewayProducer
import EventLog
import EventModel

/// The destination of accepted events.
protocol EventSink: Sendable {
    /// Stores events in order, and returns when all are stored; see ``EventProducer/publish(contentsOf:under:intake:timeout:)``.
    func publish(contentsOf events: [Event], under key: RequestKey?, intake: Timestamp?, timeout: Duration?) async throws(ProducerError)
        -> [PublishedEvent]

    /// Stores events in order, each independently; see ``EventProducer/publish(each:intake:timeout:)``.
    func publish(each events: [Event], intake: Timestamp?, timeout: Duration?) async throws(ProducerError)
        -> [Result<PublishedEvent, ProducerError>]
}

extension EventProducer: EventSink {}
