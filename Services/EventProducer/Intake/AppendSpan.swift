import CausewayProducer
import EventModel
import Tracing

/// The span of the storing of a request's events. Does nothing outside of a sampled trace, or if the process exports no spans.
struct AppendSpan {
    private let request: TraceParent?
    private let span: (any Span)?

    /// - Parameter request: the trace of the request.
    init(of request: TraceParent?) {
        self.request = request
        span = InstrumentationSystem.tracer.startSpan("append events", within: request, ofKind: .producer)
    }

    /// Makes this span, which is that of the first event's tenant, the parent of what follows from the events. Events with a trace that they brought
    /// themselves keep it.
    func adopt(_ events: [Event]) -> [Event] {
        guard let span, let trace = span.context.trace else { return events }
        span.attributes[SpanKey.tenant] = events.first.map { "\($0.tenant)" }
        return events.map { event in
            guard event.traceparent == request?.text else { return event }
            var event = event
            event.traceparent = trace.text
            return event
        }
    }

    /// Ends the span with the stored events.
    func end(_ stored: [PublishedEvent]) {
        guard let span else { return }
        span.attributes[SpanKey.events] = stored.count
        span.attributes[SpanKey.eventID] = stored.first?.cursor.text
        span.end()
    }

    /// Ends the span with an error.
    func end(failed error: any Error) {
        span?.recordError(error)
        span?.end()
    }
}
