public import Basics

/// A validated event from a producer; omitted attributes are still nil.
public struct EventDraft: Sendable, Hashable {
    /// The event type; never a reserved one.
    public let type: EventType
    /// The data of the event, with all members that the catalogue requires.
    public let payload: Payload
    /// The tenant that the producer named. The caller authorises it (contract §10).
    public let tenant: Tenant?
    /// The user to whom it is addressed; nil for everyone in the tenant.
    public let user: UserID?
    /// The producer's id.
    public let id: EventID?
    /// The time of the event.
    public let time: Timestamp?
    /// The CloudEvents `source`.
    public let source: EventSource?
    /// A valid W3C `traceparent`; an invalid one is dropped, as the recommendation requires.
    public let traceparent: String?

    /// Validates the event: reserved types, the catalogue's required fields, bounds.
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
        try checkAtIntake(.native)
    }

    /// Runs the checks that apply at intake only; a stored event that fails them is still read.
    func checkAtIntake(_ names: EventFieldNames) throws(ValidationError) {
        try EventCatalogue.validateAtIntake(type: type, user: user, payload: payload, payloadField: names.payload)
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
    ///   - tenant: the event's tenant, which the caller has authorised. A draft that names another one is refused, so that
    ///     a missing check cannot move an event across tenants.
    ///   - id: the id when the producer omitted it.
    ///   - time: the time when the producer omitted it.
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

extension Event {
    /// Runs the checks of a draft, of an event that a program has made itself: a reader would not get one that fails them.
    package func checkForPublishing() throws(ValidationError) {
        _ = try EventDraft(type: type, payload: payload, user: user)
        for name in ["type", "timestamp"] where payload.kind(of: name) != nil {
            throw ValidationError(field: "payload.\(name)", message: "is a member that the streams add themselves: choose another name")
        }
    }
}
