public import Basics

/// People of whom some must approve (contract §12): everyone with one of the roles, and the users by name.
public struct ApprovalGroup: Sendable, Hashable {
    /// The name, unique among all groups of a request.
    public let name: String
    /// The roles of which a member has at least one: names from the token's `roles`.
    public let roles: [String]
    /// The members by name.
    public let users: [UserID]
    /// How many members must approve: member `n`, 1 to ``maximumNeeded``.
    public let needed: Int

    /// The largest `n`.
    public static let maximumNeeded = 100
    /// The most roles of a group.
    public static let maximumRoles = 64
    /// The most users of a group.
    public static let maximumUsers = 256
    /// The longest name of a group, in bytes of UTF-8.
    public static let maximumNameBytes = 128

    /// Creates a group from valid parts.
    public init(name: String, roles: [String] = [], users: [UserID] = [], needed: Int) {
        self.name = name
        self.roles = roles
        self.users = users
        self.needed = needed
    }

    /// Whether a user with these roles is a member.
    public func admits(_ user: UserID, roles: Set<String>) -> Bool {
        self.roles.contains(where: roles.contains) || users.contains(user)
    }
}

extension ApprovalGroup {
    /// Reads a group of a request.
    ///
    /// - Parameter path: the group's place in errors, such as `payload.groups[0]`.
    init(_ json: ArraySlice<UInt8>, path: String) throws(ValidationError) {
        let object = try PolicyObject(json, path: path, members: ["name", "roles", "users", "n"], noun: "a group")
        let name = try object.requiredString("name")
        try TextRule.check(name, field: "\(path).name", maximumBytes: Self.maximumNameBytes)
        let roles = try object.strings("roles", atMost: Self.maximumRoles) { role, field throws(ValidationError) in
            try RoleName.check(role, field: field)
            return role
        }
        let users = try object.strings("users", atMost: Self.maximumUsers) { user, field throws(ValidationError) in
            try UserID(user, field: field)
        }
        guard !roles.isEmpty || !users.isEmpty else {
            throw ValidationError(field: path, message: "must name at least one role or one user, else nobody is in the group")
        }
        self.init(name: name, roles: roles, users: users, needed: try object.count("n", in: 1...Self.maximumNeeded) ?? 1)
    }
}
