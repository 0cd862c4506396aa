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
        for field in table[type.name] ?? [] {
            let path = "\(payloadField).\(field.name)"
            guard let kind = payload.kind(of: field.name) else {
                throw ValidationError(field: path, message: "is missing; \(type.name) requires it")
            }
            if field.rule == .identifier { try checkIdentifier(field.name, of: payload, kind, path) }
        }
        for field in optional[type.name] ?? [] {
            let path = "\(payloadField).\(field.name)"
            guard let kind = payload.kind(of: field.name), kind != .null else { continue }
            switch field.rule {
            case .identifier: try checkIdentifier(field.name, of: payload, kind, path)
            case .text(let maximumBytes): try checkText(field.name, of: payload, kind, path, maximumBytes)
            }
        }
    }

    private static func checkIdentifier(_ name: String, of payload: Payload, _ kind: JSONKind, _ path: String) throws(ValidationError) {
        guard let text = payload.string(name) else {
            throw ValidationError(field: path, message: "must be a string, but is \(kind.phrase)")
        }
        // Approvals are named in URLs; the others only need what all identifiers need (contract §0).
        if name == "approvalId" { _ = try ApprovalID(text, field: path) } else { _ = try RemediationID(text, field: path) }
    }

    private static func checkText(
        _ name: String,
        of payload: Payload,
        _ kind: JSONKind,
        _ path: String,
        _ maximumBytes: Int
    ) throws(ValidationError) {
        guard let text = payload.string(name) else {
            throw ValidationError(field: path, message: "must be a string, but is \(kind.phrase)")
        }
        guard text.utf8.count <= maximumBytes else {
            throw ValidationError(field: path, message: "must be at most \(maximumBytes) bytes of UTF-8, but has \(text.utf8.count)")
        }
    }

    /// The approval that an event asks for; nil for an event that asks for none.
    package static func requestedApproval(_ event: Event) -> ApprovalID? {
        guard event.type.name == "approval.requested" else { return nil }
        return event.payload.string("approvalId").flatMap { try? ApprovalID($0) }
    }

    /// Whether events of the type follow from decisions about approvals, so that no tenant's own token may publish them (contract §10).
    public static func isWrittenByApprovals(_ type: EventType) -> Bool { writtenByApprovals.contains(type.name) }

    private static let writtenByApprovals: Set<String> = ["approval.resolved", "remediation.approved", "remediation.rejected"]

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

    /// A payload member that a type may have; null counts as absent.
    private struct OptionalField: Sendable {
        enum Rule: Sendable {
            /// An ``Identifier``.
            case identifier
            /// A string with a bound in bytes of UTF-8.
            case text(Int)
        }

        let name: String
        let rule: Rule
    }

    /// Bounds what decisions and their effects repeat, so that what follows from an accepted request can always be stored, and what lists
    /// show of it has a size.
    private static let optional: [String: [OptionalField]] = {
        func identifiers(_ names: String...) -> [OptionalField] { names.map { OptionalField(name: $0, rule: .identifier) } }
        func text(_ name: String, _ maximumBytes: Int) -> [OptionalField] { [OptionalField(name: name, rule: .text(maximumBytes))] }
        return [
            "approval.requested": identifiers("incidentId", "requestedBy") + text("title", 2048) + text("description", 64 * 1024),
            "approval.resolved": identifiers("incidentId", "decidedBy"),
            "remediation.approved": identifiers("incidentId", "approvalId", "decidedBy"),
            "remediation.rejected": identifiers("incidentId", "approvalId", "decidedBy"),
            "remediation.executed": identifiers("incidentId", "approvalId"),
        ]
    }()

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
