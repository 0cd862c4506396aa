/// A row of the type table: everything that the program knows of one event type.
struct EventTypeRow: Sendable {
    /// What events of the type are to approvals (contract §7).
    enum ApprovalRole: Sendable {
        /// Asks for an approval. One type has this role.
        case request
        /// Records the decision about an approval. One type has this role. No tenant's own token may publish it (contract §10).
        case decision
        /// Follows from a decision. No tenant's own token may publish it.
        case effect
    }

    /// The type; never a reserved one.
    let type: EventType
    /// The members that a payload must have.
    let required: [PayloadField]
    /// The members that are checked when they are there and not null.
    let optional: [PayloadField]
    /// What the notification list says of such an event (contract §8); nil for a type that does not appear there.
    let notification: NotificationWording?
    /// The relay subscription that pushes such events (contract §6); nil if none does.
    let relay: EventFamily?
    /// What such events are to approvals; nil for nothing.
    let approval: ApprovalRole?

    init(
        _ name: StaticString,
        required: [PayloadField] = [],
        optional: [PayloadField] = [],
        notification: NotificationWording? = nil,
        relay: EventFamily? = nil,
        approval: ApprovalRole? = nil
    ) {
        type = EventType(generated: name)
        self.required = required
        self.optional = optional
        self.notification = notification
        self.relay = relay
        self.approval = approval
    }
}
