import Basics
public import HTTPTypes

extension HTTPField.Name {
    static func named(_ name: StaticString) -> HTTPField.Name {
        guard let field = HTTPField.Name("\(name)") else { preconditionFailure("\(name) is not a field name") }
        return field
    }

    /// `X-Request-Id`: on every response; taken from the request if valid.
    public static let requestID = named("X-Request-Id")
    /// `Last-Event-ID`: the resume position of an EventSource (HTML, server-sent events).
    public static let lastEventID = named("Last-Event-ID")
    /// `traceparent`: the request's trace (W3C Trace Context).
    public static let traceParent = named("traceparent")
    /// `Idempotency-Key`: makes a retry of the request idempotent.
    public static let idempotencyKey = named("Idempotency-Key")
}
