public import Basics

/// Who may see an event: everyone in its tenant, or one user and at most ``maximumOthers`` further users (contract §2, §12).
///
/// The one rule of visibility. Streams, the long poll and the relay ask ``includes(_:)`` for each event; the read model has a row for each
/// of ``users``. Most events are for everyone or for one user; those allocate nothing here.
public struct Recipients: Sendable, Hashable {
    /// The user to whom the event is addressed; nil for everyone in the tenant.
    public let user: UserID?
    /// The further users, in order, each once and without ``user``; empty for most events.
    public let others: [UserID]

    /// The most further users of an event.
    public static let maximumOthers = 64
    /// Everyone in the tenant.
    public static let everyone = Recipients(nil)

    /// Creates the recipients of an event without further users.
    ///
    /// - Parameter user: the only user; nil for everyone in the tenant.
    public init(_ user: UserID?) {
        self.user = user
        others = []
    }

    /// Creates the recipients of an event with further users.
    ///
    /// - Parameter others: in any order; those that stand twice, and `user`, count once.
    /// - Returns: nil when there are more than ``maximumOthers``.
    public init?(_ user: UserID, and others: some Sequence<UserID>) {
        var others = Set(others)
        others.remove(user)
        guard others.count <= Self.maximumOthers else { return nil }
        self.user = user
        self.others = others.sorted()
    }

    /// Whether the event is for everyone in its tenant.
    public var areEveryone: Bool { user == nil }

    /// All recipients by name; empty for everyone.
    public var users: [UserID] { user.map { [$0] + others } ?? [] }

    /// Whether `user`, of the event's tenant, may see the event.
    ///
    /// - Parameter user: nil for a reader without an accepted token.
    public func includes(_ user: UserID?) -> Bool {
        guard let addressee = self.user else { return true }
        guard let user else { return false }
        if addressee == user { return true }
        // Each of thousands of connections asks for each event: a binary search of the sorted names.
        let index = others.indices.partitionPoint { others[$0] >= user }
        return index < others.count && others[index] == user
    }

    /// Heap memory in bytes: the array of further users, and texts too long to be stored inline.
    var heapBytes: Int {
        func bytes(_ user: UserID) -> Int { user.text.utf8.count > 15 ? 48 + user.text.utf8.count : 0 }
        let addressee = user.map(bytes) ?? 0
        guard !others.isEmpty else { return addressee }
        return others.reduce(addressee + 32) { $0 + MemoryLayout<UserID>.stride + bytes($1) }
    }
}

extension Recipients {
    /// Creates the recipients of an approval request: the user to whom it is addressed, and the people whom its groups and those of its
    /// escalation name in `users`, from the beginning (contract §12).
    ///
    /// - Parameters:
    ///   - user: the user of the event; nil for everyone in the tenant; the groups then add nobody.
    ///   - path: the payload's name in errors.
    /// - Throws: a ``ValidationError`` with the path of the first name beyond ``maximumOthers``.
    public init(ofRequestTo user: UserID?, _ policy: ApprovalPolicy, path: String) throws(ValidationError) {
        guard let user else {
            self = .everyone
            return
        }
        var others: Set<UserID> = []
        func add(_ groups: [ApprovalGroup], _ path: String) throws(ValidationError) {
            for (index, group) in groups.enumerated() {
                for (place, name) in group.users.enumerated() where name != user && others.insert(name).inserted {
                    guard others.count <= Self.maximumOthers else {
                        throw ValidationError(
                            field: "\(path)[\(index)].users[\(place)]",
                            message: """
                                must not be there: a request with a user may name at most \(Self.maximumOthers) further users in all groups; name \
                                fewer, give the groups roles, or leave the user out
                                """
                        )
                    }
                }
            }
        }
        try add(policy.groups, "\(path).groups")
        for (index, step) in policy.escalations.enumerated() { try add(step.groups, "\(path).escalation[\(index)].groups") }
        self.user = user
        self.others = others.sorted()
    }

    /// Creates the recipients that type, user and payload of an event imply. Only an approval request with a user has further ones; no
    /// other payload is read.
    ///
    /// Fails closed: a request whose groups are malformed, or name too many, is for its user alone.
    init(of type: EventType, user: UserID?, payload: Payload) {
        guard let user, type == EventCatalogue.approvalRequest, let policy = try? ApprovalPolicy(payload, field: "payload"),
            let recipients = try? Recipients(ofRequestTo: user, policy, path: "payload")
        else {
            self.init(user)
            return
        }
        self = recipients
    }
}

extension Recipients {
    /// The header of an event that follows from an approval, with ``others``. Approvals alone write it: an approval request has it in its
    /// payload, and no other event has further recipients.
    package static let header = "causeway-recipients"

    /// The value of ``header``: names, percent-encoded as CloudEvents attributes are, commas too, with a comma between them.
    var encodedOthers: String {
        others.map { PercentEncoding.encode($0.text) { byte in (0x21...0x7E).contains(byte) && !#""%,"#.utf8.contains(byte) } }
            .joined(separator: ",")
    }

    /// Creates the recipients of an event with ``header``.
    ///
    /// - Parameters:
    ///   - user: the event's user. Nil is an error: without a user the event would be for everyone.
    ///   - type: the event's type.
    init(_ user: UserID?, encodedOthers: String, type: EventType) throws(ValidationError) {
        guard let user, EventCatalogue.isWrittenByApprovals(type) else {
            throw ValidationError(
                field: Self.header,
                message: "must be left out: only events that follow from an approval request with a user have it"
            )
        }
        var others: [UserID] = []
        for part in encodedOthers.split(separator: ",", omittingEmptySubsequences: false) {
            let bytes = PercentEncoding.strictlyDecoded(part.utf8, plusIsSpace: false)
            guard let text = bytes.flatMap({ String(validating: $0, as: UTF8.self) }) else {
                throw ValidationError(field: Self.header, message: "must be percent-encoded UTF-8")
            }
            others.append(try UserID(text, field: Self.header))
        }
        guard let recipients = Recipients(user, and: others) else {
            throw ValidationError(field: Self.header, message: "must name at most \(Self.maximumOthers) users")
        }
        self = recipients
    }
}
