import CausewayProducer
import EventModel

/// Where accepted events go.
protocol EventSink: Sendable {
    /// Stores events in their order, all of them before it returns; see ``EventProducer/publish(contentsOf:timeout:)``.
    func publish(contentsOf events: [Event], timeout: Duration?) async throws(ProducerError) -> [PublishedEvent]
}

extension EventProducer: EventSink {}
