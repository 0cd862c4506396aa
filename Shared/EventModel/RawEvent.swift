import Basics

/// The unvalidated content of an envelope of any form.
struct RawEvent {
    var type: String?
    var payload: Payload?
    var tenant: String?
    var user: String?
    var id: String?
    var time: String?
    var source: String?
    var traceparent: String?
    /// The execution it belongs to, in forms that have one.
    var execution: String?

    /// Validates it. Errors use the field names of the form in which the event arrived.
    func draft(_ names: EventFieldNames) throws(ValidationError) -> EventDraft {
        try EventDraft(
            names: names,
            type: parse(Self.required(type, names.type), as: names.type, EventType.init),
            payload: Self.required(payload, names.payload),
            tenant: Self.identifier(tenant, names.tenant),
            user: Self.identifier(user, names.user),
            id: Self.identifier(id, names.id),
            time: time.map { text throws(ValidationError) in try parse(text, as: names.time, Self.instant) },
            source: Self.identifier(source, names.source),
            traceparent: traceparent
        )
    }

    /// Parses an optional identifier; errors call it `field`.
    static func identifier<Kind>(_ text: String?, _ field: String) throws(ValidationError) -> Identifier<Kind>? {
        guard let text else { return nil }
        return try Identifier(text, field: field)
    }

    static func required<Value>(_ value: Value?, _ field: String) throws(ValidationError) -> Value {
        guard let value else { throw ValidationError(field: field, message: "is missing") }
        return value
    }

    private func parse<Value>(
        _ text: String,
        as field: String,
        _ parser: (String) throws(ValidationError) -> Value
    ) throws(ValidationError) -> Value {
        do throws(ValidationError) {
            return try parser(text)
        } catch {
            throw error.renamed(field)
        }
    }

    static func instant(_ text: String) throws(ValidationError) -> Timestamp {
        guard let time = Timestamp(rfc3339: text) else {
            throw ValidationError(field: "time", message: "must be an RFC 3339 time with an offset, such as 2024-04-01T14:32:10.000Z")
        }
        return time
    }
}

/// The field names of the form in which an event arrived, for error messages.
struct EventFieldNames {
    var type = "type"
    var payload = "payload"
    var tenant = "tenant"
    var user = "user"
    var id = "id"
    var time = "time"
    var source = "source"

    /// Contract §10.
    static let native = EventFieldNames()
    /// CloudEvents in JSON.
    static let cloudEvent = EventFieldNames(payload: "data", user: "userid")
    /// CloudEvents in headers, on HTTP and on the bus.
    static let headers = EventFieldNames(
        type: "ce-type",
        payload: "body",
        tenant: "ce-tenant",
        user: "ce-userid",
        id: "ce-id",
        time: "ce-time",
        source: "ce-source"
    )
}
