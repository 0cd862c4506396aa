import Basics
import EventModel
import GRDB

extension LogChange {
    /// Writes the change. Written twice, it changes nothing the second time.
    func write(to database: Database) throws {
        switch self {
        case .requested(let request): try Self.write(request, to: database)
        case .decided(let tenant, let decided): try Self.write(decided, tenant, to: database)
        case .effected(let tenant, let approvalID, let effect): try Self.write(effect, tenant, approvalID, to: database)
        case .notified(let record): try Self.write(record, to: database)
        }
    }

    /// A second request of the same id changes nothing: what was asked first is what is answered.
    private static func write(_ request: Approval.Request, to database: Database) throws {
        let expiry: Int64? = if case .at(let time) = request.expiry { time.millisecondsSinceEpoch } else { nil }
        try database.cachedStatement(
            sql: """
                INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(
                    (SELECT CASE action WHEN 'approve' THEN 'approved' WHEN 'reject' THEN 'rejected' ELSE 'expired' END
                     FROM decisions WHERE tenant = ?1 AND approval = ?2), 'pending'))
                """
        )
        .execute(arguments: [
            request.tenant, request.approvalID, Int64(clamping: request.place.sequence), request.place.intake.millisecondsSinceEpoch,
            request.remediationID, request.incidentID, request.title, request.requestedBy, request.requestedAt.millisecondsSinceEpoch,
            expiry,
            request.fourEyes,
        ])
    }

    private static func write(_ decided: Approval.Decided, _ tenant: String, to database: Database) throws {
        let decision = decided.decision
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                tenant, decision.approvalID, Int64(clamping: decided.place.sequence), decided.place.intake.millisecondsSinceEpoch,
                decided.eventID.text,
                decision.remediationID, decision.incidentID, decision.action.rawValue, decision.decidedBy,
                decision.decidedAt.millisecondsSinceEpoch, decision.reason,
            ])
        try database.cachedStatement(sql: "UPDATE requests SET status = ? WHERE tenant = ? AND approval = ?")
            .execute(arguments: [decision.action.status.rawValue, tenant, decision.approvalID])
    }

    private static func write(_ effect: Approval.Effect, _ tenant: String, _ approvalID: String, to database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO effects VALUES (?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                tenant, approvalID, Int64(clamping: effect.place.sequence), effect.place.intake.millisecondsSinceEpoch, effect.typeName,
                effect.time.millisecondsSinceEpoch,
            ])
    }

    private static func write(_ record: NotificationRecord, to database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO notifications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                Int64(clamping: record.place.sequence), record.place.intake.millisecondsSinceEpoch, record.tenant, record.user ?? "",
                record.typeName, record.title, record.body, record.incidentID, record.remediationID, record.approvalID,
                record.createdAt.millisecondsSinceEpoch,
            ])
    }
}
