/// The event types about an incident that one kind of relay subscription pushes (contract §6).
///
/// The type table assigns types to families; no type belongs to two.
public enum EventFamily: Hashable, Sendable, CaseIterable {
    /// What agents find out about the incident.
    case investigation
    /// What is done about it, and the approvals that this needs.
    case remediation

    /// What its methods begin with.
    public var name: String {
        switch self {
        case .investigation: "investigation"
        case .remediation: "remediation"
        }
    }

    /// The names of the types that a subscription pushes, in the order of the type table.
    public var typeNames: [String] { EventTypeTable.rows.filter { $0.relay == self }.map(\.type.name) }

    /// The family that pushes events of that type; nil if none does.
    public init?(pushing type: EventType) {
        guard let family = Self.byType[type.name] else { return nil }
        self = family
    }

    private static let byType = EventTypeTable.index { $0.relay }
}
