public import Basics

/// The identity of an event (contract §2): its tenant, source and id. A native event has the empty source.
public struct EventIdentity: Sendable, Hashable {
    /// The tenant it belongs to.
    public let tenant: Tenant
    /// The CloudEvents `source`; nil for the empty one.
    public let source: EventSource?
    /// The producer's id.
    public let id: EventID

    /// Creates an identity.
    public init(tenant: Tenant, source: EventSource?, id: EventID) {
        self.tenant = tenant
        self.source = source
        self.id = id
    }
}

extension Event {
    /// The key by which duplicates are detected.
    public var identity: EventIdentity { EventIdentity(tenant: tenant, source: source, id: id) }

    /// Whether a stored event has the same type, recipients, payload by its JSON content, and the time if the producer gave one
    /// (contract §10). The trace context is not compared, because a retried request has another.
    ///
    /// An event without a producer's time is stored with the time of intake, so a stored event with that time had none.
    ///
    /// - Parameters:
    ///   - stored: the event as read from the log.
    ///   - intake: the time of `stored`'s intake, from its message.
    public func hasSameContent(as stored: Event, takenInAt intake: Timestamp) -> Bool {
        let time = assigned.contains(.time) ? intake : time
        return type == stored.type && recipients == stored.recipients && time == stored.time && hasSamePayload(as: stored)
    }

    /// Whether another event of the same request has the same content.
    public func hasSameContent(as other: Event) -> Bool {
        type == other.type && recipients == other.recipients && assigned.contains(.time) == other.assigned.contains(.time)
            && (assigned.contains(.time) || time == other.time) && hasSamePayload(as: other)
    }

    private func hasSamePayload(as other: Event) -> Bool {
        JSONContent.isSame(payload.bytes, other.payload.bytes)
    }
}
