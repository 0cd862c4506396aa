public import EventModel

/// Who reads a connection, and what of the tenant's events they are to see.
public struct Audience: Sendable, Hashable {
    /// The user of the token: sees the tenant's events and those that are for this user only.
    public var user: String
    /// The types asked for; `nil` for all.
    public var filter: TypeFilter?

    public init(user: String, filter: TypeFilter?) {
        self.user = user
        self.filter = filter
    }

    /// Whether the connection gets `entry`.
    func admits(_ entry: PageEntry) -> Bool {
        // Bytes: two names that only look alike are two people.
        if let recipient = entry.user, !recipient.utf8.elementsEqual(self.user.utf8) { return false }
        return self.filter?.matches(entry.type) ?? true
    }
}
