package import Basics

/// Encodes events of executions as NATS messages: CloudEvents in binary mode like all others, and four headers that identify the
/// execution and the event (contract §9, §10).
public enum ExecutionBinding {
    /// The id of the execution.
    public static let runHeader = "causeway-execution"
    /// The event's number: 1 for the first event of the first execution of a name, then increasing by one over all its executions; by more
    /// only where the log dropped events that may have been the name's.
    public static let numberHeader = "causeway-number"
    /// The number of the execution's first event. Optional; absent in version 1, where each execution counts from 1.
    public static let firstHeader = "causeway-first"
    /// The sequence of the execution's first event, from the second event on: spares readers a search. Optional.
    public static let startHeader = "causeway-start"

    /// Returns the headers of the event's place; those of the event itself are ``NATSBinding/headers(of:)``.
    public static func headers(of place: ExecutionPlace) -> [(name: String, value: String)] {
        var headers = [
            (name: runHeader, value: CloudEventHeaders.encode(place.run.text)),
            (name: numberHeader, value: String(place.number.value)),
        ]
        if let first = place.first { headers.append((name: firstHeader, value: String(first.value))) }
        if let start = place.start { headers.append((name: startHeader, value: String(start))) }
        return headers
    }

    /// Decodes a message into an event and its place.
    ///
    /// Run, number and type are required: a message without them is not an event of an execution. Other absent attributes have the defaults
    /// of ``NATSBinding``. An event of an execution is for everyone in its tenant, so one that names a user is refused.
    ///
    /// - Parameters: as those of ``NATSBinding/event(subject:body:fallbackID:storedAt:_:)``.
    package static func event(
        subject: String,
        body: [UInt8],
        fallbackID: @autoclosure () -> EventID,
        storedAt: @autoclosure () -> Timestamp,
        _ fields: AttributeFields
    ) throws(ValidationError) -> (Event, ExecutionPlace) {
        let reference = try ExecutionReference(subject: subject)
        let raw = try CloudEventHeaders.rawEvent(fields)
        guard let run = fields[runHeader].flatMap(CloudEventHeaders.decode) else {
            throw ValidationError(field: runHeader, message: "is missing; it names the execution")
        }
        guard let number = fields[numberHeader].flatMap({ ExecutionNumber($0) }) else {
            throw ValidationError(
                field: numberHeader,
                message: "must be the event's number, from 1 to \(ExecutionNumber.range.upperBound), in decimal digits"
            )
        }
        guard raw.user == nil else {
            throw ValidationError(field: "ce-userid", message: "must be left out; an event of an execution is for everyone in its tenant")
        }
        let type = try ExecutionCatalogue.type(RawEvent.required(raw.type, EventFieldNames.headers.type), of: reference.kind)
        guard try RawEvent.identifier(raw.tenant, EventFieldNames.headers.tenant) ?? reference.tenant == reference.tenant else {
            throw ValidationError(field: "ce-tenant", message: "must be the tenant of the subject, or be left out")
        }
        let payload = try Payload(validating: body, field: EventFieldNames.headers.payload, allowsStreamMembers: true)
        try ExecutionCatalogue.validateIdentifiers(type: type, payload: payload, payloadField: EventFieldNames.headers.payload)
        let event = Event(
            id: try RawEvent.identifier(raw.id, EventFieldNames.headers.id) ?? fallbackID(),
            tenant: reference.tenant,
            type: type,
            time: raw.time.flatMap { Timestamp(rfc3339: $0) } ?? storedAt(),
            source: try RawEvent.identifier(raw.source, EventFieldNames.headers.source),
            traceparent: raw.traceparent.flatMap(TraceParent.init)?.text,
            payload: payload
        )
        let place = ExecutionPlace(
            reference: reference,
            run: try ExecutionRun(run, field: runHeader),
            number: number,
            // An impossible value counts as absent.
            first: fields[firstHeader].flatMap { ExecutionNumber($0) }.flatMap { $0 <= number ? $0 : nil },
            start: fields[startHeader].flatMap { UInt64($0) },
            isFinal: ExecutionCatalogue.isFinal(type)
        )
        return (event, place)
    }
}
