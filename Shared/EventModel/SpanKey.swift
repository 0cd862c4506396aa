/// The names of spans' attributes: one name for each thing, in every program.
public enum SpanKey {
    /// The id of an event: its cursor.
    public static let eventID = "causeway.event.id"
    /// The type of an event.
    public static let eventType = "causeway.event.type"
    /// A number of events.
    public static let events = "causeway.events"
    /// The tenant.
    public static let tenant = "causeway.tenant"
    /// The number of connections that an event was written to.
    public static let connections = "causeway.connections"
    /// The number of connections that have yet to receive it.
    public static let behind = "causeway.behind"
    /// The size of an event's payload in bytes.
    public static let bytes = "causeway.event.bytes"
    /// The id of an approval.
    public static let approvalID = "causeway.approval.id"
    /// The action of a request to decide.
    public static let approvalAction = "causeway.approval.action"
    /// The id of a webhook endpoint.
    public static let webhookID = "causeway.webhook.id"
    /// How an attempt or a request ended.
    public static let outcome = "causeway.outcome"
    /// The method of a request (OpenTelemetry, HTTP spans).
    public static let method = "http.request.method"
    /// The pattern of a request's route.
    public static let route = "http.route"
    /// The status of a response.
    public static let status = "http.response.status_code"
}
