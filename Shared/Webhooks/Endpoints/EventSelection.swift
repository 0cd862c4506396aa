public import Basics
public import EventModel

/// The events that an endpoint gets: of its tenant and types, and for everyone in the tenant or for its user among others (contract §14).
public struct EventSelection: Sendable, Hashable {
    /// Whose events.
    public let tenant: Tenant
    /// Of which types.
    public let types: TypeFilter
    /// The user whose private events belong to them; nil for none.
    public let user: UserID?

    /// Creates a selection.
    public init(tenant: Tenant, types: TypeFilter, user: UserID?) {
        self.tenant = tenant
        self.types = types
        self.user = user
    }

    /// Returns whether an event belongs to it.
    public func includes(_ event: Event) -> Bool {
        event.tenant == tenant && event.recipients.includes(user) && types.matches(event.type)
    }
}
