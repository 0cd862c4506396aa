/// The metadata keys of log lines: one key for each thing, in every program.
///
/// Constants instead of literals, so that a key cannot be misspelt; ``Tests/Integration/test_logging.py`` refuses literals.
package enum LogKey {
    /// The tenant.
    package static let tenant = "tenant"
    /// The user.
    package static let user = "user"
    /// The id of an HTTP request, as in `X-Request-Id`.
    package static let requestID = "request.id"
    /// The id of a W3C trace; OpenTelemetry's key for logs that are not OTLP.
    package static let traceID = "trace_id"
    /// An error's text.
    package static let error = "error"
    /// An error's type.
    package static let errorType = "error.type"
    /// Why something was refused.
    package static let reason = "reason"
    /// Why a token was refused.
    package static let authReason = "auth.reason"
    /// The method of a request.
    package static let httpMethod = "http.method"
    /// The redacted target of a request.
    package static let httpTarget = "http.target"
    /// The status of a response.
    package static let httpStatus = "http.status"
    /// From a request's head to its response's head, in milliseconds.
    package static let httpDuration = "http.duration_ms"
    /// The id of an event.
    package static let eventID = "event.id"
    /// The id of the first event of several.
    package static let firstEventID = "event.id.first"
    /// The id of the last event of several.
    package static let lastEventID = "event.id.last"
    /// The type of an event.
    package static let eventType = "event.type"
    /// A number of events.
    package static let events = "events"
    /// A number of spans.
    package static let spans = "spans"
    /// The id of a delegation.
    package static let delegationID = "delegation.id"
    /// The person in whose place somebody votes.
    package static let onBehalfOf = "on_behalf_of"
    /// When a delegation ends.
    package static let until = "until"
    /// The id of a webhook endpoint.
    package static let webhookID = "webhook.id"
    /// Scheme, host and port of a webhook endpoint: the rest of its URL may be a secret.
    package static let webhookOrigin = "webhook.origin"
    /// The id of an approval.
    package static let approvalID = "approval.id"
    /// The action of a decision.
    package static let approvalAction = "approval.action"
    /// The id of a remediation.
    package static let remediationID = "remediation.id"
    /// The agent or workflow.
    package static let execution = "execution"
    /// The id of an execution.
    package static let executionID = "execution.id"
    /// The address that a listener is bound to.
    package static let address = "address"
    /// A number of connections.
    package static let connections = "connections"
    /// The configured maximum number of connections.
    package static let maximumConnections = "edge.max_connections"
    /// The number of connections that the open-file limit allows.
    package static let possibleConnections = "edge.possible_connections"
    /// The id of a connection, as in `GET /connections`.
    package static let connectionID = "connection.id"
    /// Why a connection ended.
    package static let cause = "cause"
    /// Events written to a connection.
    package static let deliveries = "deliveries"
    /// Bytes written to a connection.
    package static let bytes = "bytes"
    /// How long a connection lasted, in seconds.
    package static let seconds = "seconds"
    /// The drain window.
    package static let window = "window"
    /// Connections that have not taken an event yet.
    package static let behind = "behind"
    /// From an event's intake to its last write, in milliseconds.
    package static let lag = "lag_ms"
    /// Lines that a rate limit suppressed.
    package static let leftOut = "left_out"
    /// The file of the read model.
    package static let databaseFile = "database.file"
    /// A duration in seconds.
    package static let duration = "duration_s"
    /// Log entries per second.
    package static let entriesPerSecond = "entries_per_s"
    /// A sequence of the stream of read marks.
    package static let inboxSequence = "inbox.sequence"
    /// The number of keys in a key document.
    package static let keyCount = "jwks.keys"
    /// The redacted URL of a key document.
    package static let keyURL = "jwks.url"
    /// The recommended minimum length of a secret, in bytes.
    package static let secretMinimum = "secret.minimum_bytes"
    /// The name of a stream.
    package static let stream = "log.stream"
    /// How a stream differs from what is required.
    package static let streamDifference = "log.difference"
    /// The storage of a stream.
    package static let storage = "log.storage"
    /// The number of replicas of a stream.
    package static let replicas = "log.replicas"
    /// A sequence of the log.
    package static let sequence = "log.sequence"
    /// The first sequence that the log keeps.
    package static let firstSequence = "log.first"
    /// The last sequence of the log.
    package static let lastSequence = "log.last"
    /// The sequence up to which a reader has read.
    package static let position = "log.position"
    /// Entries that the log dropped before they were read.
    package static let missed = "log.missed"
    /// A number of log entries.
    package static let entries = "log.entries"
    /// How often the same thing happened.
    package static let count = "log.count"
    /// What is wrong with a message of the log.
    package static let fault = "log.fault"
    /// The subject of a message.
    package static let subject = "log.subject"
    /// The name of a shared reading.
    package static let work = "log.reading"
    /// How often a piece of work was tried.
    package static let attempts = "attempts"
    /// The message of the lines that were suppressed.
    package static let message = "log.message"
    /// The number of lines that were suppressed.
    package static let suppressed = "log.suppressed"
    /// The configured maximum size of the log.
    package static let maximumBytes = "log.max_bytes"
    /// The largest message that nats-server accepts.
    package static let maximumPayload = "nats.max_payload"
    /// The storage that nats-server has for JetStream.
    package static let maximumStorage = "nats.max_storage"
    /// What the configuration needs of nats-server.
    package static let needed = "nats.needed"
    /// The method of a JSON-RPC request.
    package static let rpcMethod = "method"
    /// The id of a command.
    package static let rpcRequest = "request"
    /// The name of a signal.
    package static let signal = "signal"
    /// A time limit that has passed.
    package static let limit = "limit"
    /// The id of a process in the answers to surveys.
    package static let instance = "instance"
    /// What was read again.
    package static let subjectOfReload = "what"
}
