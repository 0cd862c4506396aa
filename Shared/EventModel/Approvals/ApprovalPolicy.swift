public import Basics

/// Who decides an approval: the members `groups` and `escalation` of its request (contract §12).
///
/// The approval is approved when every group of one set has its `n`: of the base set, or of a step that is due.
public struct ApprovalPolicy: Sendable, Hashable {
    /// The request's own groups; empty when it has none.
    public let groups: [ApprovalGroup]
    /// The steps, in the order of time.
    public let escalations: [ApprovalEscalation]

    /// The base set of a request without groups: one person with role `admin`.
    public static let anyAdmin = [ApprovalGroup(name: "admin", roles: ["admin"], needed: 1)]

    /// The most groups of a set.
    public static let maximumGroups = 16
    /// The most steps.
    public static let maximumSteps = 8

    /// The set that decides without escalation: ``groups``, or ``anyAdmin``.
    public var baseSet: [ApprovalGroup] { groups.isEmpty ? Self.anyAdmin : groups }

    /// Reads the policy of an `approval.requested`. Absent, `null` and `[]` are the same.
    ///
    /// - Parameter field: the payload's name in errors.
    /// - Throws: a ``ValidationError`` with the member's path, such as `payload.groups[0].n`, also for a set that nobody could satisfy, and for
    ///   members that it does not know: a misspelt one must not weaken the policy.
    public init(_ payload: Payload, field: String) throws(ValidationError) {
        let request = PolicyObject(payload, path: field)
        groups = try request.groups("groups")
        escalations = try request.list("escalation", atMost: Self.maximumSteps, noun: "steps") { json, path throws(ValidationError) in
            try ApprovalEscalation(json, path: path)
        }
        let absent = Self.requester(payload)
        var names = Set(groups.isEmpty ? Self.anyAdmin.map(\.name) : [])
        try Self.check(groups, path: "\(field).groups", without: absent, names: &names)
        for (index, step) in escalations.enumerated() {
            let path = "\(field).escalation[\(index)]"
            if index > 0, step.after <= escalations[index - 1].after {
                throw ValidationError(field: "\(path).after", message: "must be longer than that of the step before")
            }
            try Self.check(step.groups, path: "\(path).groups", without: absent, names: &names)
        }
    }

    /// The user who may not approve; nil when everybody may.
    private static func requester(_ payload: Payload) -> UserID? {
        guard payload.boolean("fourEyes") == true else { return nil }
        return payload.string("requestedBy").flatMap { try? UserID($0) }
    }

    /// Throws when a name of a set is taken, or when nobody could satisfy the set.
    ///
    /// - Parameters:
    ///   - absent: a user who may not approve.
    ///   - names: the names that are taken; those of the set are added.
    private static func check(
        _ groups: [ApprovalGroup],
        path: String,
        without absent: UserID?,
        names: inout Set<String>
    ) throws(ValidationError) {
        for (index, group) in groups.enumerated() {
            guard names.insert(group.name).inserted else {
                throw ValidationError(
                    field: "\(path)[\(index)].name",
                    message: """
                        must differ from the names of all other groups, those of escalation included, and from admin in a request without groups
                        """
                )
            }
            let users = group.users.count { $0 != absent }
            guard !group.roles.isEmpty || users >= group.needed else {
                throw ValidationError(
                    field: "\(path)[\(index)].users",
                    message: """
                        must name at least n = \(group.needed) users who may approve, but names \(users), and the group has no roles: nobody could \
                        satisfy it
                        """
                )
            }
        }
        // Anybody may have a role, so only groups without roles can lack people.
        let closed = groups.filter(\.roles.isEmpty)
        var memberships: [UserID: Set<String>] = [:]
        for group in closed {
            for user in group.users where user != absent { memberships[user, default: []].insert(group.name) }
        }
        guard ApprovalMatching(groups: closed, voters: Array(memberships.values)).isComplete else {
            throw ValidationError(
                field: path,
                message: """
                    must be groups that different people can satisfy, but the groups without roles need \(closed.reduce(0) { $0 + $1.needed }) \
                    people and share too many of their \(memberships.count) users
                    """
            )
        }
    }
}
