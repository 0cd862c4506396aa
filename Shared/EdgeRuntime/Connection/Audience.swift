public import Basics
public import EventModel

/// The user who reads a connection, and the types requested.
public struct Audience: Sendable, Hashable {
    /// The user of the token: sees the tenant's events that include it among their ``Recipients``. Nil where no token was accepted.
    public var user: UserID?
    /// The types requested; `nil` for all.
    public var filter: TypeFilter?

    public init(user: UserID?, filter: TypeFilter?) {
        self.user = user
        self.filter = filter
    }
}
