import CausewayProducer
import EventLog
import EventModel

/// The destination of accepted execution events.
protocol ExecutionSink: Sendable {
    /// Validates events before the first is stored, and says which are stored already; see ``EventProducer/check(_:of:replacing:under:timeout:)``.
    func check(
        _ drafts: [ExecutionDraft],
        of reference: ExecutionReference,
        replacing replaces: Bool,
        under key: RequestKey?,
        timeout: Duration?
    ) async throws(ProducerError) -> [PublishedExecutionEvent?]

    /// Stores an event and returns its number; see ``EventProducer/publish(_:to:replacing:timeout:)``.
    func publish(
        _ draft: ExecutionDraft,
        to reference: ExecutionReference,
        replacing replaces: Bool,
        timeout: Duration?
    ) async throws(ProducerError) -> PublishedExecutionEvent
}

extension EventProducer: ExecutionSink {}
