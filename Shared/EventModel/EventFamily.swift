/// The event types about an incident that one kind of relay subscription pushes (contract §6).
///
/// The type table assigns types to families; no type belongs to two.
public enum EventFamily: Hashable, Sendable, CaseIterable {
    /// Findings of agents about the incident.
    case investigation
    /// Remediation of the incident, and the approvals it needs.
    case remediation

    /// The prefix of its methods.
    public var name: String {
        switch self {
        case .investigation: "investigation"
        case .remediation: "remediation"
        }
    }

    /// The names of the types that a subscription pushes, in the order of the type table.
    public var typeNames: [String] { EventTypeTable.rows.filter { $0.relay == self }.map(\.type.name) }

    /// The family that pushes events of that type; nil if no family does.
    public init?(pushing type: EventType) {
        guard let family = Self.byType[type.name] else { return nil }
        self = family
    }

    private static let byType = EventTypeTable.index { $0.relay }
}
