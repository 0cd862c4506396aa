public import Basics

/// What makes an event the same event (contract §2): its tenant, source and id. A native event has the empty source.
public struct EventIdentity: Sendable, Hashable {
    /// Whose event it is.
    public let tenant: Tenant
    /// The CloudEvents `source`; nil for the empty one.
    public let source: EventSource?
    /// The producer's id.
    public let id: EventID

    /// Names an event.
    public init(tenant: Tenant, source: EventSource?, id: EventID) {
        self.tenant = tenant
        self.source = source
        self.id = id
    }
}

extension Event {
    /// What duplicates of the event are detected by.
    public var identity: EventIdentity { EventIdentity(tenant: tenant, source: source, id: id) }

    /// Whether a stored event says what this one says: type, user, payload by its JSON content, and the time if the producer gave one
    /// (contract §10). The trace context is not content, because a repeated request has another.
    ///
    /// An event without a time of its own is stored with the moment of intake as its time, so a stored event whose time is that moment had none.
    ///
    /// - Parameters:
    ///   - stored: the event that was read back from the log.
    ///   - intake: when `stored` was taken in, from its message.
    public func hasSameContent(as stored: Event, takenInAt intake: Timestamp) -> Bool {
        let time = assigned.contains(.time) ? intake : time
        return type == stored.type && user == stored.user && time == stored.time && hasSamePayload(as: stored)
    }

    /// Whether another event of the same request says what this one says.
    public func hasSameContent(as other: Event) -> Bool {
        type == other.type && user == other.user && assigned.contains(.time) == other.assigned.contains(.time)
            && (assigned.contains(.time) || time == other.time) && hasSamePayload(as: other)
    }

    private func hasSamePayload(as other: Event) -> Bool {
        JSONContent.isSame(payload.bytes, other.payload.bytes)
    }
}
