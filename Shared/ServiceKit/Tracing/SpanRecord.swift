import EventModel
import Tracing

/// What is exported of a span. Times in nanoseconds since 1970.
///
/// A status has no message, and an error only its type: their texts may have what belongs to a tenant. Events and links of spans are not
/// exported: no part of Causeway makes them.
struct SpanRecord: Sendable {
    /// The trace, and the span's id.
    let trace: TraceParent
    /// The id of the parent; nil for the first span of a trace.
    let parentSpanID: String?
    let kind: SpanKind
    let start: UInt64
    var name: String
    var end: UInt64 = 0
    var attributes: SpanAttributes = [:]
    var status: SpanStatus.Code?

    /// The tenant that the span is of; nil for a request without an accepted token.
    var tenant: String? {
        guard case .string(let tenant)? = attributes.get(SpanKey.tenant) else { return nil }
        return tenant
    }
}
