public import Basics

/// The event types that the contract names, and what their payloads must hold (contract §2).
///
/// Types that are not in the catalogue are as welcome; nothing is known about their payloads.
public enum EventCatalogue {
    /// A payload member that a type requires.
    public struct RequiredField: Sendable, Hashable {
        /// What the value must be.
        public enum Rule: Sendable, Hashable {
            /// Present with any value, `null` included.
            case present
            /// An ``Identifier``: services look things up by it.
            case identifier
        }

        /// The member's name.
        public let name: String
        /// What its value must be.
        public let rule: Rule

        init(_ name: String, _ rule: Rule = .present) {
            self.name = name
            self.rule = rule
        }
    }

    /// The names of all types of the catalogue, sorted.
    public static var typeNames: [String] { table.keys.sorted() }

    /// What payloads of the type must hold; nil when the type is not in the catalogue.
    public static func requiredFields(of type: EventType) -> [RequiredField]? { table[type.name] }

    /// Throws when a required member is missing or not what it must be. The error's field is `payload.<member>`.
    public static func validate(type: EventType, payload: Payload) throws(ValidationError) {
        try validate(type: type, payload: payload, payloadField: "payload")
    }

    static func validate(type: EventType, payload: Payload, payloadField: String) throws(ValidationError) {
        guard let required = table[type.name] else { return }
        for field in required {
            guard let kind = payload.kind(of: field.name) else {
                throw ValidationError(field: "\(payloadField).\(field.name)", message: "is missing; \(type.name) requires it")
            }
            guard field.rule == .identifier else { continue }
            guard kind == .string, let text = payload.string(field.name) else {
                throw ValidationError(field: "\(payloadField).\(field.name)", message: "must be a string, but is \(kind.phrase)")
            }
            try TextRule.check(text, field: "\(payloadField).\(field.name)", maximumBytes: IdentifierKinds.Approval.maximumBytes)
        }
    }

    /// Throws when a member that may be left out is there and not what it must be.
    ///
    /// For whoever takes an event in and can say so to its producer. What the log holds already is read as it is.
    static func validateOptional(type: EventType, payload: Payload, payloadField: String) throws(ValidationError) {
        guard let name = timeFields[type.name], let kind = payload.kind(of: name), kind != .null else { return }
        guard payload.string(name).flatMap({ Timestamp(rfc3339: $0) }) != nil else {
            throw ValidationError(
                field: "\(payloadField).\(name)",
                message: "must be a time with an offset as RFC 3339 has it, like 2024-04-01T14:32:10Z; or leave it out"
            )
        }
    }

    /// The member of a type that is a time, if it is there.
    private static let timeFields = ["approval.requested": "expiresAt"]

    private static let table: [String: [RequiredField]] = {
        let incident = RequiredField("incidentId", .identifier)
        let remediation = RequiredField("remediationId", .identifier)
        let approval = RequiredField("approvalId", .identifier)
        let id = RequiredField("id", .identifier)
        func fields(_ names: String...) -> [RequiredField] { names.map { RequiredField($0) } }
        func identifier(_ name: String) -> [RequiredField] { [RequiredField(name, .identifier)] }
        return [
            "incident.created": [incident],
            "incident.status_changed": [incident] + fields("status"),
            "investigation.progress": [incident] + fields("message", "agentName"),
            "investigation.completed": [incident],
            "investigation.known_solution_found": [incident],
            "remediation.proposed": [incident, remediation] + fields("title", "requiresApproval"),
            "remediation.approved": [remediation],
            "remediation.rejected": [remediation],
            "remediation.executed": [remediation],
            "approval.requested": [approval, remediation],
            "approval.resolved": [approval, remediation] + fields("action"),
            "tenant.created": [],
            "tenant.updated": [],
            "user.created": identifier("userId"),
            "user.updated": identifier("userId"),
            "user.deleted": identifier("userId"),
            "integration.connected": identifier("integrationId"),
            "integration.disconnected": identifier("integrationId"),
            "trigger.created": identifier("triggerId"),
            "trigger.deleted": identifier("triggerId"),
            "trigger.event_received": identifier("triggerId"),
            "knowledge.pattern_extracted": identifier("patternId"),
            "issue.created": [id] + fields("title", "status", "severity", "risk_score", "source", "created_at"),
            "issue.status.changed": [id] + fields("previous_status", "status", "changed_at"),
            "pattern.detected": [id] + fields("name", "risk_score", "status", "issue_count", "detected_at"),
            "prediction.alert.fired": [id],
            "recommendation.status.changed": [id],
            "notification.created": [id],
            "job.updated": identifier("job_id") + fields("status", "progress", "result_url", "error", "created_at", "finished_at"),
        ]
    }()
}
