import Basics
import EventModel
import GRDB

extension LogChange {
    /// Writes the change; idempotent.
    func write(to database: Database) throws {
        switch self {
        case .requested(let request): try Self.write(request, to: database)
        case .decided(let tenant, let decided): try Self.write(decided, tenant, to: database)
        case .effected(let tenant, let approvalID, let effect): try Self.write(effect, tenant, approvalID, to: database)
        case .notified(let record): try Self.write(record, to: database)
        }
    }

    private static func write(_ request: Approval.Request, to database: Database) throws {
        let expiry: Int64? = if case .at(let time) = request.expiry { time.millisecondsSinceEpoch } else { nil }
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)")
            .execute(arguments: [
                request.tenant.text, request.approvalID.text, Int64(clamping: request.place.sequence),
                request.place.intake.millisecondsSinceEpoch, Viewer.audience(of: request.user), request.remediationID.text,
                request.incidentID?.text, SQLText.blob(request.title), request.requestedBy?.text,
                request.requestedAt.millisecondsSinceEpoch, expiry, request.fourEyes,
            ])
        try ApprovalStanding.settle(request.tenant.text, request.approvalID.text, in: database)
    }

    private static func write(_ decided: Approval.Decided, _ tenant: Tenant, to database: Database) throws {
        let decision = decided.decision
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                tenant.text, decision.approvalID.text, Int64(clamping: decided.place.sequence),
                decided.place.intake.millisecondsSinceEpoch, Viewer.audience(of: decision.user), decided.eventID.text,
                decision.remediationID.text, decision.incidentID?.text, decision.action.rawValue, decision.decidedBy.text,
                decision.decidedAt.millisecondsSinceEpoch, SQLText.blob(decision.reason),
                decision.request.map { Int64($0.epoch) }, decision.request.map { Int64(clamping: $0.sequence) },
                decision.request?.time.millisecondsSinceEpoch,
            ])
        try ApprovalStanding.settle(tenant.text, decision.approvalID.text, in: database)
    }

    private static func write(_ effect: Approval.Effect, _ tenant: Tenant, _ approvalID: ApprovalID, to database: Database) throws {
        try database.cachedStatement(sql: "INSERT OR IGNORE INTO effects VALUES (?, ?, ?, ?, ?, ?)")
            .execute(arguments: [
                tenant.text, approvalID.text, Int64(clamping: effect.place.sequence), effect.place.intake.millisecondsSinceEpoch,
                effect.typeName, effect.time.millisecondsSinceEpoch,
            ])
    }

    private static func write(_ record: NotificationRecord, to database: Database) throws {
        // Visibility depends on the request, which is written first.
        let hidden = record.isRequest ? "NOT \(ApprovalStanding.isNews("?3", "?10", "?1"))" : "0"
        try database.cachedStatement(
            sql: "INSERT INTO notifications VALUES (?1, ?2, ?3, ?4, \(hidden), ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING"
        )
        .execute(arguments: [
            Int64(clamping: record.place.sequence), record.place.intake.millisecondsSinceEpoch, record.tenant.text,
            Viewer.audience(of: record.user), record.type.name, record.title, record.body, record.incidentID?.text,
            record.remediationID?.text, record.approvalID?.text, record.createdAt.millisecondsSinceEpoch,
        ])
    }
}
