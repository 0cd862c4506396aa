public import Basics
public import EventModel

/// A message for an endpoint, signed again for each attempt (Standard Webhooks 1.0; contract §14).
public struct SignedMessage: Sendable, Hashable {
    /// The value of `webhook-id`, by which the receiver detects repetitions: the id of an event.
    public let id: String
    /// The bytes that are signed and sent.
    public let body: [UInt8]
    /// The trace that the event belongs to. An attempt that is a span of it replaces the event's.
    public var traceparent: TraceParent?

    /// Creates the message of an event: `{"type","timestamp","data"}`, in which `data` is the published payload, byte for byte.
    ///
    /// - Parameter cursor: the event's place in the log, whose text is the message's id.
    public init(_ event: Event, cursor: Cursor) {
        self.init(
            id: cursor,
            type: event.type,
            time: event.time,
            data: event.payload.bytes,
            traceparent: event.traceparent.flatMap { TraceParent($0) }
        )
    }

    /// Creates a message that is not an event of the log: `webhook.ping`, a test, `stream.gap`.
    ///
    /// - Parameters:
    ///   - id: a place in the log, or an id of the same form.
    ///   - data: one JSON object; the caller has validated it.
    public init(id: Cursor, type: EventType, time: Timestamp, data: [UInt8], traceparent: TraceParent? = nil) {
        self.id = id.text
        self.traceparent = traceparent
        var body: [UInt8] = []
        body.reserveCapacity(data.count + type.name.utf8.count + 64)
        body.append("{\"type\":\"")
        body.append(contentsOf: type.name.utf8)
        body.append("\",\"timestamp\":\"")
        time.appendISO8601(to: &body)
        body.append("\",\"data\":")
        body.append(contentsOf: data)
        body.append("}")
        self.body = body
    }

    /// Returns the header fields of an attempt: type, id, time and signatures, `traceparent` where the event has one.
    ///
    /// - Parameter now: the time of the attempt. Receivers refuse messages whose time is minutes away from theirs, so each attempt has its
    ///   own.
    public func fields(signedBy secrets: EndpointSecrets, at now: Timestamp) -> [(name: String, value: String)] {
        let seconds = now.millisecondsSinceEpoch / 1000
        let signatures = secrets.signing(at: now).map { $0.signature(id: id, timestamp: seconds, body: body) }
        var fields: [(name: String, value: String)] = [
            ("content-type", "application/json"), ("webhook-id", id), ("webhook-timestamp", "\(seconds)"),
            ("webhook-signature", signatures.joined(separator: " ")),
        ]
        if let traceparent { fields.append(("traceparent", traceparent.text)) }
        return fields
    }
}
