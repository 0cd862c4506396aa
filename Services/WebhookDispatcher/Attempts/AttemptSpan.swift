import EventModel
import Tracing
import Webhooks

/// The span of an attempt at a delivery. Does nothing outside of a sampled trace, or if the process exports no spans.
struct AttemptSpan {
    private let span: (any Span)?
    /// The message, with this span as the parent of what the receiver does.
    let message: SignedMessage

    init(of message: OutgoingMessage, to endpoint: Endpoint) {
        let span = InstrumentationSystem.tracer.startSpan("deliver webhook", within: message.signed.traceparent, ofKind: .client)
        self.span = span
        guard let span else {
            self.message = message.signed
            return
        }
        span.attributes = [
            SpanKey.eventID: .string(message.signed.id), SpanKey.eventType: .string(message.type.name),
            SpanKey.tenant: .string("\(endpoint.tenant)"), SpanKey.webhookID: .string("\(endpoint.id)"),
        ]
        var signed = message.signed
        signed.traceparent = span.context.trace
        self.message = signed
    }

    /// Ends the span. One whose attempt was not made is never exported.
    func end(_ outcome: AttemptOutcome) {
        guard let span else { return }
        switch outcome {
        case .postponed: return
        case .answered(let answer):
            span.attributes[SpanKey.status] = answer.status
            if !answer.isSuccess { span.setStatus(SpanStatus(code: .error)) }
        case .failed(let failure):
            span.attributes[SpanKey.outcome] = failure.label
            span.setStatus(SpanStatus(code: .error))
        }
        span.end()
    }
}
