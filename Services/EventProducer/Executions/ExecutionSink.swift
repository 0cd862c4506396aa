import CausewayProducer
import EventModel

/// Where accepted events of executions go.
protocol ExecutionSink: Sendable {
    /// Stores an event and tells its number; see ``EventProducer/publish(_:to:replacing:timeout:)``.
    func publish(
        _ draft: ExecutionDraft,
        to reference: ExecutionReference,
        replacing replaces: Bool,
        timeout: Duration?
    ) async throws(ProducerError) -> PublishedExecutionEvent
}

extension EventProducer: ExecutionSink {}
