import EventModel

/// What can be subscribed to about an incident (contract §6).
enum EventFamily: Hashable, Sendable, CaseIterable {
    case investigation
    case remediation

    /// What its methods begin with.
    var name: String {
        switch self {
        case .investigation: "investigation"
        case .remediation: "remediation"
        }
    }

    /// The types that a subscription pushes.
    var types: [String] {
        switch self {
        case .investigation: ["investigation.progress", "investigation.completed", "investigation.known_solution_found"]
        case .remediation:
            [
                "remediation.proposed", "remediation.approved", "remediation.rejected", "remediation.executed",
                "approval.requested", "approval.resolved",
            ]
        }
    }

    /// The family that pushes events of that type; nil if none does. No type belongs to two.
    init?(pushing type: EventType) {
        guard let family = Self.byType[type.name] else { return nil }
        self = family
    }

    /// The family that pushes events of a type of that name.
    static let byType = Dictionary(uniqueKeysWithValues: allCases.flatMap { family in family.types.map { ($0, family) } })
}
