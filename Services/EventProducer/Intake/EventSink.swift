import Basics
import CausewayProducer
import EventLog
import EventModel

/// The destination of accepted events.
protocol EventSink: Sendable {
    /// Stores events in order, and returns when all are stored; see ``EventProducer/publishChecked(contentsOf:under:intake:timeout:)``.
    func publishChecked(
        contentsOf events: [Event],
        under key: RequestKey?,
        intake: Timestamp?,
        timeout: Duration?
    ) async throws(ProducerError) -> [PublishedEvent]

    /// Prepares the storing of an event without a task; see ``EventProducer/prepareChecked(_:intake:)``.
    func prepareChecked(_ event: Event, intake: Timestamp) -> PreparedPublish?

    /// Stores events in order, each independently; see ``EventProducer/publishChecked(each:intake:timeout:)``.
    func publishChecked(each events: [Event], intake: Timestamp?, timeout: Duration?) async throws(ProducerError)
        -> [Result<PublishedEvent, ProducerError>]
}

extension EventProducer: EventSink {}
