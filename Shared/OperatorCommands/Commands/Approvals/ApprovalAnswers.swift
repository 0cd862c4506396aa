/// An approval, of `GET` and of lists (contract §12). Members that a list leaves out are nil.
struct ApprovalAnswer: Decodable, Sendable {
    /// A group of people who decide, and its tally.
    struct Group: Decodable, Sendable {
        var name: String
        /// How many people must approve.
        var n: Int
        /// How many have.
        var approvals: Int
        var approvedBy: [String]
        /// The escalation step that added it, from 1.
        var step: Int?
    }

    struct Escalation: Decodable, Sendable {
        var after: String
        var at: String
        var escalatedAt: String?
    }

    struct Decision: Decodable, Sendable {
        var action: String
        var decidedBy: String
        var decidedAt: String
        var reason: String?
    }

    struct Consumption: Decodable, Sendable {
        var consumedBy: String
        var consumedAt: String
    }

    /// What was done, and by whom.
    struct Entry: Decodable, Sendable {
        var type: String
        var by: String?
        var onBehalfOf: String?
        var at: String
        var action: String?
        var reason: String?
    }

    var approvalId: String
    var status: String
    var remediationId: String
    var incidentId: String?
    var title: String?
    var description: String?
    var risk: String?
    var actionDigest: String?
    var requestedBy: String?
    var requestedAt: String
    var user: String?
    var expiresAt: String?
    var fourEyes: Bool?
    var groups: [Group]?
    var escalation: [Escalation]?
    var decision: Decision?
    var consumption: Consumption?
    var history: [Entry]?
}

/// The answer to a decision: decided, or a vote that was counted.
struct DecisionAnswer: Decodable, Sendable {
    var approvalId: String
    var status: String
    var action: String
    var decidedBy: String?
    var decidedAt: String?
    var votedBy: String?
    var votedAt: String?
    var onBehalfOf: String?
    var groups: [ApprovalAnswer.Group]?
}

/// The answer to a consumption.
struct ConsumptionAnswer: Decodable, Sendable {
    var approvalId: String
    var consumedBy: String
    var consumedAt: String
}

/// A page of approvals.
struct ApprovalList: Decodable, Sendable {
    var items: [ApprovalAnswer]
    var nextCursor: String?
}

/// The answer to published events.
struct PublishAnswer: Decodable, Sendable {
    var ids: [String]
}
