public import Basics

/// An event of one tenant (contract §0, §2).
public struct Event: Sendable, Hashable {
    /// The producer's id of the event, by which duplicates are detected; not the cursor that readers see.
    public var id: EventID
    /// The tenant it belongs to; no other tenant ever sees it.
    public var tenant: Tenant
    /// The event type.
    public var type: EventType
    /// Who may see it.
    public var recipients: Recipients
    /// The time of the event, set by the producer.
    public var time: Timestamp
    /// The CloudEvents `source`.
    public var source: EventSource?
    /// The W3C trace context it belongs to.
    public var traceparent: String?
    /// The data of the event.
    public var payload: Payload
    /// The attributes that the intake assigned because the producer omitted them. Not content: empty in an event read from the log.
    public var assigned: Assigned = []

    /// Attributes that the intake can assign.
    public struct Assigned: OptionSet, Sendable, Hashable {
        /// One bit for each attribute.
        public let rawValue: UInt8

        /// Creates a set from its bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The id. Unique, unless it was derived from an `Idempotency-Key`.
        public static let id = Assigned(rawValue: 1)
        /// The time. The event is stored with the time of intake.
        public static let time = Assigned(rawValue: 2)
    }

    /// Heap memory in bytes: the payload, and texts too long to be stored inline.
    package var heapBytes: Int {
        var bytes = payload.heapBytes + recipients.heapBytes
        for length in [id.text.utf8.count, tenant.text.utf8.count, type.name.utf8.count] where length > 15 {
            bytes += 48 + length
        }
        for length in [source?.text.utf8.count ?? 0, traceparent?.utf8.count ?? 0] where length > 15 { bytes += 48 + length }
        return bytes
    }

    /// The user to whom it is addressed; nil for everyone in the tenant. Further users may see it too: ask ``recipients`` whether somebody
    /// does.
    public var user: UserID? { recipients.user }

    /// Creates an event from validated values. For outside input use ``EventDraft/resolve(tenant:id:time:)``.
    ///
    /// - Parameter user: the user to whom it is addressed; nil for everyone in the tenant. The further recipients of an approval request
    ///   are in its payload.
    public init(
        id: EventID,
        tenant: Tenant,
        type: EventType,
        user: UserID? = nil,
        time: Timestamp,
        source: EventSource? = nil,
        traceparent: String? = nil,
        payload: Payload
    ) {
        self.id = id
        self.tenant = tenant
        self.type = type
        recipients = Recipients(of: type, user: user, payload: payload)
        self.time = time
        self.source = source
        self.traceparent = traceparent
        self.payload = payload
    }
}
