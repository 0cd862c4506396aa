public import Basics

/// An event as a producer sent it: valid as far as it goes, with what the producer left out still open.
public struct EventDraft: Sendable, Hashable {
    /// What happened; never a reserved type.
    public let type: EventType
    /// What there is to say about it, with all that the catalogue requires.
    public let payload: Payload
    /// The tenant the producer names. Whether it may is for the caller to judge (contract §10).
    public let tenant: Tenant?
    /// The one user it is for; nil for everyone in the tenant.
    public let user: UserID?
    /// The producer's id.
    public let id: EventID?
    /// When it happened.
    public let time: Timestamp?
    /// A CloudEvents `source`.
    public let source: EventSource?
    /// A valid W3C `traceparent`; an invalid one is dropped, as that recommendation demands.
    public let traceparent: String?

    /// Checks everything that a producer can get wrong: reserved types, the catalogue's required fields, bounds.
    ///
    /// Field names in errors are the native form's (contract §10): `type`, `payload.incidentId`, `user` …
    public init(
        type: EventType,
        payload: Payload,
        tenant: Tenant? = nil,
        user: UserID? = nil,
        id: EventID? = nil,
        time: Timestamp? = nil,
        source: EventSource? = nil,
        traceparent: String? = nil
    ) throws(ValidationError) {
        try self.init(
            names: .native,
            type: type,
            payload: payload,
            tenant: tenant,
            user: user,
            id: id,
            time: time,
            source: source,
            traceparent: traceparent
        )
        try checkOptionalFields(.native)
    }

    /// Checks what a producer can still be told about, and what is no reason to pass over an event that the log has stored.
    func checkOptionalFields(_ names: EventFieldNames) throws(ValidationError) {
        try EventCatalogue.validateTimes(type: type, payload: payload, payloadField: names.payload)
    }

    init(
        names: EventFieldNames,
        type: EventType,
        payload: Payload,
        tenant: Tenant?,
        user: UserID?,
        id: EventID?,
        time: Timestamp?,
        source: EventSource?,
        traceparent: String?
    ) throws(ValidationError) {
        guard !type.isReserved else {
            throw ValidationError(field: names.type, message: "everything under \"stream.\" is reserved; choose another type")
        }
        try EventCatalogue.validate(type: type, payload: payload, payloadField: names.payload)
        self.type = type
        self.payload = payload
        self.tenant = tenant
        self.user = user
        self.id = id
        self.time = time
        self.source = source
        self.traceparent = traceparent.flatMap(TraceParent.init)?.text
    }

    /// Completes the draft.
    ///
    /// - Parameters:
    ///   - tenant: the tenant the event goes to, which the caller has authorised. A draft that names another one is refused, so that
    ///     forgetting to judge it cannot carry an event across tenants.
    ///   - id: the id when the producer gave none.
    ///   - time: the time when the producer gave none.
    public func resolve(tenant: Tenant, id: @autoclosure () -> EventID, time: @autoclosure () -> Timestamp) throws(ValidationError) -> Event
    {
        guard self.tenant == nil || self.tenant == tenant else {
            throw ValidationError(field: "tenant", message: "is not one that you may publish to; leave it out to use your own")
        }
        var event = Event(
            id: self.id ?? id(),
            tenant: tenant,
            type: type,
            user: user,
            time: self.time ?? time(),
            source: source,
            traceparent: traceparent,
            payload: payload
        )
        if self.id == nil { event.assigned.insert(.id) }
        if self.time == nil { event.assigned.insert(.time) }
        return event
    }
}
