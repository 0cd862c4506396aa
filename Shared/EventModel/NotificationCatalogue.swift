/// Which events become entries of the notification list, and what people read there (contract §8).
public enum NotificationCatalogue {
    /// What people read of an event.
    public struct Text: Sendable, Hashable {
        /// A few words.
        public let title: String
        /// A sentence or two.
        public let body: String
    }

    private struct Row: Sendable {
        let title: NotificationTemplate
        let body: NotificationTemplate
    }

    /// The types that become notifications, sorted.
    public static var typeNames: [String] { table.keys.sorted() }

    /// What people read of an event; nil for one that is no notification.
    public static func text(of event: Event) -> Text? {
        guard let row = table[event.type.name] else { return nil }
        let title = row.title.text(event.payload)
        return Text(title: title.isEmpty ? event.type.name : title, body: row.body.text(event.payload))
    }

    private static let table: [String: Row] = [
        "incident.created": Row(
            title: "New incident: {title|incidentId}",
            body: "Incident {incidentId} was opened[ with severity {severity}][ in {service}]."
        ),
        "incident.status_changed": Row(
            title: "Incident is now {status}",
            body: "Incident {incidentId} went[ from {previousStatus}] to {status}.[ {reason}]"
        ),
        "investigation.completed": Row(
            title: "Investigation completed",
            body: "Incident {incidentId} has been investigated.[ Root cause: {rootCause}]"
        ),
        "investigation.known_solution_found": Row(
            title: "Known solution found",
            body: "A known solution fits incident {incidentId}[: {title}]."
        ),
        "remediation.proposed": Row(
            title: "Remediation proposed: {title}",
            body: "Remediation {remediationId} is proposed for incident {incidentId}."
        ),
        "remediation.approved": Row(
            title: "Remediation approved",
            body: "Remediation {remediationId} goes ahead[, approved by {decidedBy}].[ Reason: {reason}]"
        ),
        "remediation.rejected": Row(
            title: "Remediation rejected",
            body: "Remediation {remediationId} does not go ahead[, decided by {decidedBy}].[ Reason: {reason}]"
        ),
        "remediation.executed": Row(
            title: "Remediation executed",
            body: "Remediation {remediationId} has been executed[ for incident {incidentId}]."
        ),
        "approval.requested": Row(
            title: "Approval needed: {title|remediationId}",
            body: "Approval {approvalId} waits for an answer[ until {expiresAt}][, asked for by {requestedBy}]."
        ),
        "approval.resolved": Row(
            title: "Approval answered: {action}",
            body: "Approval {approvalId} was answered with {action}[ by {decidedBy}].[ Reason: {reason}]"
        ),
        "integration.disconnected": Row(
            title: "Integration disconnected",
            body: "Integration {name|integrationId} is disconnected.[ {reason}]"
        ),
        "issue.created": Row(
            title: "New issue: {title}",
            body: "Issue {id} from {source}: severity {severity}, risk score {risk_score}."
        ),
        "pattern.detected": Row(
            title: "Pattern detected: {name}",
            body: "Pattern {id} covers {issue_count} issues with a risk score of {risk_score}."
        ),
        "prediction.alert.fired": Row(
            title: "Prediction alert[: {title}]",
            body: "{message|description|id}"
        ),
        "notification.created": Row(
            title: "{title|subject}",
            body: "{body|message|text}"
        ),
    ]
}
