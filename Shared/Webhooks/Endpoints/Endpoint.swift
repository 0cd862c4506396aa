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

    /// Creates an endpoint; ``EndpointStore/register(_:of:secret:cursor:within:)`` gives ids.
    init(
        id: EndpointID,
        tenant: Tenant,
        createdAt: Timestamp,
        settings: Settings,
        secrets: EndpointSecrets,
        state: EndpointHealth.State,
        cursor: Cursor
    ) {
        self.id = id
        self.tenant = tenant
        self.createdAt = createdAt
        self.settings = settings
        self.secrets = secrets
        self.state = state
        self.cursor = cursor
    }

    /// Returns whether it gets an event: of its tenant and types, and for all of the tenant or for its user among others.
    public func wants(_ event: Event) -> Bool {
        event.tenant == tenant && event.recipients.includes(settings.user) && settings.types.filter.matches(event.type)
    }
}
