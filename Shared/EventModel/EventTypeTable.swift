/// The event types that the contract names (§2), one row each. A new type is a row here and one of the contract's catalogue.
///
/// All code that depends on the type reads its row, through ``EventCatalogue`` and ``EventFamily``: the checks at intake, the notification
/// list, the relay, and the right to publish.
enum EventTypeTable {
    static let rows: [EventTypeRow] = [
        EventTypeRow(
            "incident.created",
            required: [.identifier("incidentId")],
            notification: NotificationWording(
                title: "New incident: {title|incidentId}",
                body: "Incident {incidentId} was opened[ with severity {severity}][ in {service}]."
            )
        ),
        EventTypeRow(
            "incident.status_changed",
            required: [.identifier("incidentId"), .any("status")],
            notification: NotificationWording(
                title: "Incident is now {status}",
                body: "Incident {incidentId} went[ from {previousStatus}] to {status}.[ {reason}]"
            )
        ),
        EventTypeRow(
            "investigation.progress",
            required: [.identifier("incidentId"), .any("message"), .any("agentName")],
            relay: .investigation
        ),
        EventTypeRow(
            "investigation.completed",
            required: [.identifier("incidentId")],
            notification: NotificationWording(
                title: "Investigation completed",
                body: "Incident {incidentId} has been investigated.[ Root cause: {rootCause}]"
            ),
            relay: .investigation
        ),
        EventTypeRow(
            "investigation.known_solution_found",
            required: [.identifier("incidentId")],
            notification: NotificationWording(
                title: "Known solution found",
                body: "A known solution fits incident {incidentId}[: {title}]."
            ),
            relay: .investigation
        ),
        EventTypeRow(
            "remediation.proposed",
            required: [.identifier("incidentId"), .identifier("remediationId"), .any("title"), .any("requiresApproval")],
            notification: NotificationWording(
                title: "Remediation proposed: {title}",
                body: "Remediation {remediationId} is proposed for incident {incidentId}."
            ),
            relay: .remediation
        ),
        EventTypeRow(
            "remediation.approved",
            required: [.identifier("remediationId")],
            optional: [.identifier("incidentId"), .identifier("approvalId"), .identifier("decidedBy")],
            notification: NotificationWording(
                title: "Remediation approved",
                body: "Remediation {remediationId} goes ahead[, approved by {decidedBy}].[ Reason: {reason}]"
            ),
            relay: .remediation,
            approval: .effect
        ),
        EventTypeRow(
            "remediation.rejected",
            required: [.identifier("remediationId")],
            optional: [.identifier("incidentId"), .identifier("approvalId"), .identifier("decidedBy")],
            notification: NotificationWording(
                title: "Remediation rejected",
                body: "Remediation {remediationId} does not go ahead[, decided by {decidedBy}].[ Reason: {reason}]"
            ),
            relay: .remediation,
            approval: .effect
        ),
        EventTypeRow(
            "remediation.executed",
            required: [.identifier("remediationId")],
            optional: [.identifier("incidentId"), .identifier("approvalId")],
            notification: NotificationWording(
                title: "Remediation executed",
                body: "Remediation {remediationId} has been executed[ for incident {incidentId}]."
            ),
            relay: .remediation
        ),
        EventTypeRow(
            "approval.requested",
            required: [.identifier("approvalId"), .identifier("remediationId")],
            // Decisions and their effects repeat some of these, and lists show them: bounds keep effects storable and lists limited.
            optional: [
                .identifier("incidentId"), .identifier("requestedBy"), .text("title", maximumBytes: 2048),
                .text("description", maximumBytes: 64 * 1024), .time("expiresAt"),
            ],
            notification: NotificationWording(
                title: "Approval needed: {title|remediationId}",
                body: "Approval {approvalId} waits for an answer[ until {expiresAt}][, asked for by {requestedBy}]."
            ),
            relay: .remediation,
            approval: .request
        ),
        EventTypeRow(
            "approval.resolved",
            required: [.identifier("approvalId"), .identifier("remediationId"), .any("action")],
            optional: [.identifier("incidentId"), .identifier("decidedBy")],
            notification: NotificationWording(
                title: "Approval answered: {action}",
                body: "Approval {approvalId} was answered with {action}[ by {decidedBy}].[ Reason: {reason}]"
            ),
            relay: .remediation,
            approval: .decision
        ),
        EventTypeRow(
            "approval.voted",
            required: [.identifier("approvalId"), .identifier("remediationId"), .identifier("votedBy"), .any("action")],
            optional: [.identifier("incidentId"), .identifier("onBehalfOf")],
            relay: .remediation,
            approval: .record
        ),
        EventTypeRow(
            "approval.escalated",
            required: [.identifier("approvalId"), .identifier("remediationId"), .any("step")],
            optional: [.identifier("incidentId")],
            notification: NotificationWording(
                title: "Approval escalated: {title|remediationId}",
                body: "Approval {approvalId} still waits for an answer[ until {expiresAt}]; step {step} of its escalation asks more people."
            ),
            relay: .remediation,
            approval: .record
        ),
        EventTypeRow(
            "approval.consumed",
            required: [.identifier("approvalId"), .identifier("remediationId"), .identifier("consumedBy")],
            optional: [.identifier("incidentId")],
            relay: .remediation,
            approval: .record
        ),
        EventTypeRow("tenant.created"),
        EventTypeRow("tenant.updated"),
        EventTypeRow("user.created", required: [.identifier("userId")]),
        EventTypeRow("user.updated", required: [.identifier("userId")]),
        EventTypeRow("user.deleted", required: [.identifier("userId")]),
        EventTypeRow("integration.connected", required: [.identifier("integrationId")]),
        EventTypeRow(
            "integration.disconnected",
            required: [.identifier("integrationId")],
            notification: NotificationWording(
                title: "Integration disconnected",
                body: "Integration {name|integrationId} is disconnected.[ {reason}]"
            )
        ),
        EventTypeRow("trigger.created", required: [.identifier("triggerId")]),
        EventTypeRow("trigger.deleted", required: [.identifier("triggerId")]),
        EventTypeRow("trigger.event_received", required: [.identifier("triggerId")]),
        EventTypeRow("knowledge.pattern_extracted", required: [.identifier("patternId")]),
        EventTypeRow(
            "issue.created",
            required: [
                .identifier("id"), .any("title"), .any("status"), .any("severity"), .any("risk_score"), .any("source"), .any("created_at"),
            ],
            notification: NotificationWording(
                title: "New issue: {title}",
                body: "Issue {id} from {source}: severity {severity}, risk score {risk_score}."
            )
        ),
        EventTypeRow(
            "issue.status.changed",
            required: [.identifier("id"), .any("previous_status"), .any("status"), .any("changed_at")]
        ),
        EventTypeRow(
            "pattern.detected",
            required: [
                .identifier("id"), .any("name"), .any("risk_score"), .any("status"), .any("issue_count"), .any("detected_at"),
            ],
            notification: NotificationWording(
                title: "Pattern detected: {name}",
                body: "Pattern {id} covers {issue_count} issues with a risk score of {risk_score}."
            )
        ),
        EventTypeRow(
            "prediction.alert.fired",
            required: [.identifier("id")],
            notification: NotificationWording(title: "Prediction alert[: {title}]", body: "{message|description|id}")
        ),
        EventTypeRow("recommendation.status.changed", required: [.identifier("id")]),
        EventTypeRow(
            "notification.created",
            required: [.identifier("id")],
            notification: NotificationWording(title: "{title|subject}", body: "{body|message|text}")
        ),
        EventTypeRow(
            "job.updated",
            required: [
                .identifier("job_id"), .any("status"), .any("progress"), .any("result_url"), .any("error"), .any("created_at"),
                .any("finished_at"),
            ]
        ),
        EventTypeRow("webhook.ping", required: [.identifier("endpointId")], isOfWebhooks: true),
        EventTypeRow("webhook.disabled", required: [.identifier("endpointId"), .any("reason"), .any("disabledAt")], isOfWebhooks: true),
    ]

    /// Indexes one column of the table by type name, without the rows for which `value` is nil.
    ///
    /// Created once for each column that is read for every event: a lookup then hashes one name and copies no row.
    static func index<Value>(_ value: (EventTypeRow) -> Value?) -> [String: Value] {
        Dictionary(uniqueKeysWithValues: rows.compactMap { row in value(row).map { (row.type.name, $0) } })
    }

    /// Returns the type of the only row with a role; traps when the table has none or several.
    static func type(_ role: EventTypeRow.ApprovalRole) -> EventType {
        let types = rows.filter { $0.approval == role }.map(\.type)
        precondition(types.count == 1, "the type table must have one row with the role \(role), not \(types.count)")
        return types[0]
    }
}
