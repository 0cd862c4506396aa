public import Basics

/// Something that happened in one tenant (contract §0, §2).
public struct Event: Sendable, Hashable {
    /// The producer's id of the event, by which duplicates are detected; not the cursor that readers see.
    public var id: EventID
    /// Whose it is; nobody else ever sees it.
    public var tenant: Tenant
    /// What kind of thing happened.
    public var type: EventType
    /// The one user whose connections get the event; nil for everyone in the tenant.
    public var user: UserID?
    /// When it happened, as the producer says.
    public var time: Timestamp
    /// What it comes from, a CloudEvents `source`.
    public var source: EventSource?
    /// The W3C trace context it belongs to.
    public var traceparent: String?
    /// What there is to say about it.
    public var payload: Payload
    /// What the intake chose, because the producer left it out. Not part of what the event says: an event read from the log has none.
    public var assigned: Assigned = []

    /// Attributes that a producer may leave to the intake.
    public struct Assigned: OptionSet, Sendable, Hashable {
        /// One bit for each attribute.
        public let rawValue: UInt8

        /// A set from its bits.
        public init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The id. No other event has it, unless it was made from an `Idempotency-Key`.
        public static let id = Assigned(rawValue: 1)
        /// The time. The event is stored with the moment of its intake.
        public static let time = Assigned(rawValue: 2)
    }

    /// What it takes in memory besides its own words, in bytes: the payload, and texts that are longer than fits into a word or two.
    package var heapBytes: Int {
        var bytes = payload.heapBytes
        for length in [id.text.utf8.count, tenant.text.utf8.count, type.name.utf8.count, user?.text.utf8.count ?? 0] where length > 15 {
            bytes += 48 + length
        }
        for length in [source?.text.utf8.count ?? 0, traceparent?.utf8.count ?? 0] where length > 15 { bytes += 48 + length }
        return bytes
    }

    /// Puts together what has been validated before; ``EventDraft/resolve(tenant:id:time:)`` is the way from outside input to here.
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
        self.user = user
        self.time = time
        self.source = source
        self.traceparent = traceparent
        self.payload = payload
    }
}
