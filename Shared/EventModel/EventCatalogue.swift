public import Basics

/// Lookups in the type table by name (contract §2).
///
/// Types that are not in the table are also valid; their payloads are not checked.
public enum EventCatalogue {
    /// The names of all types of the table, sorted.
    public static var typeNames: [String] { EventTypeTable.rows.map(\.type.name).sorted() }

    /// The names of the types that become notifications, sorted.
    public static var notificationTypeNames: [String] { notifications.keys.sorted() }

    /// Returns the required payload members of the type; nil for a type that is not in the table.
    public static func requiredFields(of type: EventType) -> [PayloadField]? { checks[type.name]?.required }

    /// Returns the text of an event in the notification list; nil when it is not a notification (contract §8).
    public static func notificationText(of event: Event) -> NotificationText? { notifications[event.type.name]?.text(of: event) }

    /// Throws when a required member is missing or a member is invalid. The error's field is `payload.<member>`.
    public static func validate(type: EventType, payload: Payload) throws(ValidationError) {
        try validate(type: type, payload: payload, payloadField: "payload")
    }

    static func validate(type: EventType, payload: Payload, payloadField: String) throws(ValidationError) {
        guard let checks = checks[type.name] else { return }
        for field in checks.required {
            let path = "\(payloadField).\(field.name)"
            guard let kind = payload.kind(of: field.name) else {
                throw ValidationError(field: path, message: "is missing; \(type.name) requires it")
            }
            try check(field, of: payload, kind, path)
        }
        for field in checks.optional {
            guard let kind = payload.kind(of: field.name), kind != .null else { continue }
            try check(field, of: payload, kind, "\(payloadField).\(field.name)")
        }
    }

    /// Throws when the payload breaks a rule that applies at intake only, where the producer gets the error: malformed times, invalid terms
    /// of an approval, and too many recipients of one. Events in the log are read whatever these are.
    static func validateAtIntake(type: EventType, user: UserID?, payload: Payload, payloadField: String) throws(ValidationError) {
        guard let checks = intakeChecks[type.name] else { return }
        for field in checks.times {
            guard let kind = payload.kind(of: field.name), kind != .null else { continue }
            guard payload.string(field.name).flatMap({ Timestamp(rfc3339: $0) }) != nil else {
                throw ValidationError(
                    field: "\(payloadField).\(field.name)",
                    message: "must be a time with an offset as RFC 3339 has it, like 2024-04-01T14:32:10Z; or leave it out"
                )
            }
        }
        guard checks.hasTerms else { return }
        let terms = try ApprovalTerms(payload, field: payloadField)
        _ = try Recipients(ofRequestTo: user, terms.policy, path: payloadField)
    }

    /// The type of an approval request.
    package static let approvalRequest = EventTypeTable.type(.request)

    /// The type of an approval decision.
    package static let approvalDecision = EventTypeTable.type(.decision)

    /// Whether events of the type request an approval, and have a record (contract §12).
    public static func isApprovalRequest(_ type: EventType) -> Bool { type == approvalRequest }

    /// Returns the approval that an event requests; nil for other events.
    package static func requestedApproval(_ event: Event) -> ApprovalID? {
        guard isApprovalRequest(event.type) else { return nil }
        return event.payload.string("approvalId").flatMap { try? ApprovalID($0) }
    }

    /// Whether events of the type record what becomes of an approval: no tenant's own token may publish them (contract §10).
    public static func isWrittenByApprovals(_ type: EventType) -> Bool { writtenByApprovals.contains(type.name) }

    /// Whether the dispatcher of webhooks alone writes events of the type: no tenant's own token may publish them (contract §14).
    public static func isWrittenByWebhooks(_ type: EventType) -> Bool { writtenByWebhooks.contains(type.name) }

    private static func check(_ field: PayloadField, of payload: Payload, _ kind: JSONKind, _ path: String) throws(ValidationError) {
        switch field.rule {
        case .any, .time: return
        case .identifier:
            let text = try string(field, of: payload, kind, path)
            // Approval ids appear in URLs; the others follow the rules of all identifiers (contract §0).
            if field.name == "approvalId" { _ = try ApprovalID(text, field: path) } else { _ = try RemediationID(text, field: path) }
        case .text(let maximumBytes):
            let text = try string(field, of: payload, kind, path)
            guard text.utf8.count <= maximumBytes else {
                throw ValidationError(field: path, message: "must be at most \(maximumBytes) bytes of UTF-8, but has \(text.utf8.count)")
            }
        }
    }

    private static func string(
        _ field: PayloadField,
        of payload: Payload,
        _ kind: JSONKind,
        _ path: String
    ) throws(ValidationError) -> String {
        guard let text = payload.string(field.name) else {
            throw ValidationError(field: path, message: "must be a string, but is \(kind.phrase)")
        }
        return text
    }

    /// The checks that apply to an event wherever it is read.
    private struct Checks: Sendable {
        let required: [PayloadField]
        /// Without times, which ``EventCatalogue/validateAtIntake(type:payload:payloadField:)`` checks.
        let optional: [PayloadField]
    }

    private static let checks = EventTypeTable.index { row in
        Checks(required: row.required, optional: row.optional.filter { $0.rule != .time })
    }

    /// The checks that apply at intake only.
    private struct IntakeChecks: Sendable {
        let times: [PayloadField]
        /// Whether the payload has ``ApprovalTerms``.
        let hasTerms: Bool
    }

    /// Only types that have such checks, which few events have.
    private static let intakeChecks = EventTypeTable.index { row in
        let times = (row.required + row.optional).filter { $0.rule == .time }
        let hasTerms = row.approval == .request
        return times.isEmpty && !hasTerms ? nil : IntakeChecks(times: times, hasTerms: hasTerms)
    }

    private static let notifications = EventTypeTable.index { $0.notification }

    private static let writtenByApprovals = Set(
        EventTypeTable.rows.filter { $0.approval?.isWrittenByApprovals == true }.map(\.type.name)
    )

    private static let writtenByWebhooks = Set(EventTypeTable.rows.filter(\.isOfWebhooks).map(\.type.name))
}
