import Basics
import EventModel
import GRDB

extension LogChange {
    /// Writes the change; idempotent.
    func write(to database: Database) throws {
        switch self {
        case .announced(let tenant, let place, let announced): try Self.write(announced, at: place, tenant, to: database)
        case .notified(let record, let recipients): try Self.write(record, for: recipients, to: database)
        }
    }

    private static func write(_ announced: Approval.Announced, at place: ApprovalPlace, _ tenant: Tenant, to database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO announcements VALUES (?, ?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                tenant.text, place.approvalID.text, place.name, Int64(clamping: announced.place.sequence),
                announced.place.intake.millisecondsSinceEpoch, announced.typeName, announced.time.millisecondsSinceEpoch,
            ])
    }

    private static func write(_ record: NotificationRecord, for recipients: Recipients, to database: Database) throws {
        // A request is shown once it is recorded: the record may come first or later (``ApprovalRecord/write(to:)``).
        let hidden = record.isRequest ? "NOT \(isRecorded(tenant: "?3", approval: "?10", sequence: "?1", intake: "?2"))" : "0"
        for audience in Viewer.audiences(of: recipients) {
            try database.cachedStatement(
                sql: "INSERT INTO notifications VALUES (?1, ?2, ?3, ?4, \(hidden), ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING"
            )
            .execute(arguments: [
                Int64(clamping: record.place.sequence), record.place.intake.millisecondsSinceEpoch, record.tenant.text,
                audience, record.type.name, record.title, record.body, record.incidentID?.text,
                record.remediationID?.text, record.approvalID?.text, record.createdAt.millisecondsSinceEpoch,
            ])
        }
    }

    /// Returns the SQL condition that the event at a place of the log is the recorded request of an approval.
    private static func isRecorded(tenant: String, approval: String, sequence: String, intake: String) -> String {
        """
        EXISTS (SELECT 1 FROM approvals a WHERE a.tenant = \(tenant) AND a.approval = \(approval) AND a.sequence = \(sequence) \
        AND a.intake = \(intake))
        """
    }
}
