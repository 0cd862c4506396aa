/// A row of the type table: the properties of one event type.
struct EventTypeRow: Sendable {
    /// The role of a type in approvals (contract §7).
    enum ApprovalRole: Sendable {
        /// Requests an approval. One type has this role.
        case request
        /// Records the decision on an approval. One type has this role. No tenant's own token may publish it (contract §10).
        case decision
        /// Follows from a decision. No tenant's own token may publish it.
        case effect
        /// Records something else that became of an approval: a vote, an escalation, its consumption. No tenant's own token may publish it.
        case record

        /// Whether no tenant's own token may publish such events.
        var isWrittenByApprovals: Bool {
            switch self {
            case .request: false
            case .decision, .effect, .record: true
            }
        }
    }

    /// The type; never a reserved one.
    let type: EventType
    /// The members that a payload must have.
    let required: [PayloadField]
    /// The members that are checked when present and not null.
    let optional: [PayloadField]
    /// The text in the notification list (contract §8); nil for a type that is not listed.
    let notification: NotificationWording?
    /// The relay subscription that pushes such events (contract §6); nil if not pushed.
    let relay: EventFamily?
    /// The role in approvals; nil for other types.
    let approval: ApprovalRole?
    /// Whether the dispatcher of webhooks alone writes such events (contract §14).
    let isOfWebhooks: Bool

    init(
        _ name: StaticString,
        required: [PayloadField] = [],
        optional: [PayloadField] = [],
        notification: NotificationWording? = nil,
        relay: EventFamily? = nil,
        approval: ApprovalRole? = nil,
        isOfWebhooks: Bool = false
    ) {
        type = EventType(generated: name)
        self.required = required
        self.optional = optional
        self.notification = notification
        self.relay = relay
        self.approval = approval
        self.isOfWebhooks = isOfWebhooks
    }
}
