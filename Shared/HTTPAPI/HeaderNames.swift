import Basics
public import HTTPTypes

extension HTTPField.Name {
    static func named(_ name: StaticString) -> HTTPField.Name {
        guard let field = HTTPField.Name("\(name)") else { preconditionFailure("\(name) is not a field name") }
        return field
    }

    /// `X-Request-Id`: on every response, and taken from the request if it is sane.
    public static let requestID = named("X-Request-Id")
    /// `Last-Event-ID`: where an EventSource resumes (HTML, server-sent events).
    public static let lastEventID = named("Last-Event-ID")
    /// `traceparent`: the trace that a request belongs to (W3C Trace Context).
    public static let traceParent = named("traceparent")
    /// `Idempotency-Key`: the same request, repeated, gets the same answer.
    public static let idempotencyKey = named("Idempotency-Key")
}
