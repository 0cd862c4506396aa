public import Basics

/// What is known of event types by name: lookups in the type table (contract §2).
///
/// Types that the table does not have are as welcome; nothing is known about their payloads.
public enum EventCatalogue {
    /// The names of all types of the table, sorted.
    public static var typeNames: [String] { EventTypeTable.rows.map(\.type.name).sorted() }

    /// The names of the types that become notifications, sorted.
    public static var notificationTypeNames: [String] { notifications.keys.sorted() }

    /// The members that payloads of the type must have; nil for a type that the table does not have.
    public static func requiredFields(of type: EventType) -> [PayloadField]? { checks[type.name]?.required }

    /// What people read of an event in the notification list; nil for one that is no notification (contract §8).
    public static func notificationText(of event: Event) -> NotificationText? { notifications[event.type.name]?.text(of: event) }

    /// Throws when a required member is missing, or a member is not what it must be. The error's field is `payload.<member>`.
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

    /// Throws when a member that is a time is there and has another form.
    ///
    /// For whoever takes an event in and can say so to its producer. What the log holds already is read as it is.
    static func validateTimes(type: EventType, payload: Payload, payloadField: String) throws(ValidationError) {
        guard let fields = times[type.name] else { return }
        for field in fields {
            guard let kind = payload.kind(of: field.name), kind != .null else { continue }
            guard payload.string(field.name).flatMap({ Timestamp(rfc3339: $0) }) != nil else {
                throw ValidationError(
                    field: "\(payloadField).\(field.name)",
                    message: "must be a time with an offset as RFC 3339 has it, like 2024-04-01T14:32:10Z; or leave it out"
                )
            }
        }
    }

    /// The type of the event that asks for an approval.
    package static let approvalRequest = EventTypeTable.type(.request)

    /// The type of the event that records the decision about an approval.
    package static let approvalDecision = EventTypeTable.type(.decision)

    /// The approval that an event asks for; nil for an event that asks for none.
    package static func requestedApproval(_ event: Event) -> ApprovalID? {
        guard event.type == approvalRequest else { return nil }
        return event.payload.string("approvalId").flatMap { try? ApprovalID($0) }
    }

    /// Whether events of the type record or follow from decisions about approvals, so that no tenant's own token may publish them (contract §10).
    public static func isWrittenByApprovals(_ type: EventType) -> Bool { writtenByApprovals.contains(type.name) }

    private static func check(_ field: PayloadField, of payload: Payload, _ kind: JSONKind, _ path: String) throws(ValidationError) {
        switch field.rule {
        case .any, .time: return
        case .identifier:
            let text = try string(field, of: payload, kind, path)
            // Approvals are named in URLs; the others only need what all identifiers need (contract §0).
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

    /// What is checked of an event wherever it is read.
    private struct Checks: Sendable {
        let required: [PayloadField]
        /// Without times, which ``EventCatalogue/validateTimes(type:payload:payloadField:)`` checks.
        let optional: [PayloadField]
    }

    private static let checks = EventTypeTable.index { row in
        Checks(required: row.required, optional: row.optional.filter { $0.rule != .time })
    }

    /// Types that have times alone: nearly every event is of another one.
    private static let times = EventTypeTable.index { row in
        let fields = (row.required + row.optional).filter { $0.rule == .time }
        return fields.isEmpty ? nil : fields
    }

    private static let notifications = EventTypeTable.index { $0.notification }

    private static let writtenByApprovals = Set(
        EventTypeTable.rows.filter { $0.approval == .decision || $0.approval == .effect }.map(\.type.name)
    )
}
