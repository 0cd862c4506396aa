public import Basics
public import EventModel

/// A URL that a tenant registered to get events (contract §14).
public struct Endpoint: Sendable, Hashable {
    /// What its tenant sets and may change.
    public struct Settings: Sendable, Hashable {
        /// Maximum length of a description in bytes.
        public static let maximumDescriptionBytes = 512

        /// Where events are sent.
        public var url: WebhookURL
        /// Which types it gets.
        public var types: EndpointTypes
        /// The user whose private events it also gets; nil for an endpoint that gets only what is for everyone in the tenant.
        public var user: UserID?
        /// Whether it gets one event at a time, in the log's order.
        public var isOrdered: Bool
        /// A text for people.
        public private(set) var description: String?

        /// Validates the text. Others were validated where they were created.
        public init(url: WebhookURL, types: EndpointTypes, user: UserID? = nil, isOrdered: Bool = true, description: String? = nil)
            throws(ValidationError)
        {
            self.url = url
            self.types = types
            self.user = user
            self.isOrdered = isOrdered
            try describe(description)
        }

        /// Replaces the description.
        public mutating func describe(_ text: String?) throws(ValidationError) {
            if let text { try TextRule.check(text, field: "description", maximumBytes: Self.maximumDescriptionBytes) }
            description = text
        }
    }

    /// A cursor that was set back (contract §14).
    public struct Replay: Sendable, Hashable {
        /// When it was requested.
        public let requestedAt: Timestamp
        /// The place behind which it begins.
        public let from: Cursor
        /// The furthest place that the endpoint had reached before: a cursor that is there again has ended the replay.
        public let to: Cursor
    }

    /// Its id.
    public let id: EndpointID
    /// Whose it is.
    public let tenant: Tenant
    /// When it was registered.
    public let createdAt: Timestamp
    /// What its tenant sets.
    public var settings: Settings
    /// What signs its deliveries.
    public var secrets: EndpointSecrets
    /// Its life.
    public var state: EndpointHealth.State
    /// The last event that it, and all before which it wants, has taken: its backlog is the log behind this place.
    public var cursor: Cursor
    /// The process that delivers, by its id: the fence. A process stores its own before its first delivery, which changes the revision, so every later
    /// write of the former owner loses the comparison. Nil before the first.
    public var owner: String?
    /// When the endpoint was disabled for which `webhook.disabled` is in the log; nil before the first.
    public var announcedAt: Timestamp?
    /// The latest replay; nil before the first.
    public internal(set) var replay: Replay?

    /// Maximum length of ``owner`` in bytes.
    static let maximumOwnerBytes = 64

    /// Creates an endpoint; ``EndpointStore/register(_:of:secret:cursor:within:)`` gives ids.
    init(
        id: EndpointID,
        tenant: Tenant,
        createdAt: Timestamp,
        settings: Settings,
        secrets: EndpointSecrets,
        state: EndpointHealth.State,
        cursor: Cursor,
        owner: String? = nil,
        announcedAt: Timestamp? = nil,
        replay: Replay? = nil
    ) {
        self.id = id
        self.tenant = tenant
        self.createdAt = createdAt
        self.settings = settings
        self.secrets = secrets
        self.state = state
        self.cursor = cursor
        self.owner = owner
        self.announcedAt = announcedAt
        self.replay = replay
    }

    /// Returns the place behind which a replay begins that is requested to begin behind `place`; nil when the cursor is of another log: it is lost with a
    /// gap, behind which comes all that this log holds.
    ///
    /// It is never ahead of the stored cursor, which the process that delivers may be ahead of by a second.
    public func replayStart(behind place: Cursor) -> Cursor? {
        place.epoch == cursor.epoch ? min(place, cursor) : nil
    }

    /// Sets the cursor back; without effect when it is of another log than `place`. The process that delivers adopts the cursor because ``replay`` is
    /// another one, also when the cursor stays.
    ///
    /// - Parameter now: milliseconds since 1970 UTC.
    public mutating func setBack(behind place: Cursor, at now: Timestamp) {
        guard let start = replayStart(behind: place) else { return }
        // One that is under way had begun before a place that was reached already.
        let reached = replay.map { $0.to.epoch == cursor.epoch ? max($0.to, cursor) : cursor } ?? cursor
        replay = Replay(requestedAt: now, from: start, to: reached)
        cursor = start
    }

    /// Which events it gets.
    public var selection: EventSelection { EventSelection(tenant: tenant, types: settings.types.filter, user: settings.user) }

    /// When it was disabled, while `webhook.disabled` is missing in the log; nil otherwise.
    public var unannouncedDisabling: (reason: EndpointHealth.Reason, at: Timestamp)? {
        guard case .disabled(let reason, let time) = state, announcedAt != time else { return nil }
        return (reason, time)
    }
}
