import Basics
import EventLog
import GRDB

extension ReadModel {
    /// A stream beside the log that the model is derived from.
    enum SideSource: String, Sendable {
        /// The read marks.
        case inbox
        /// The approval records and delegations.
        case approvals

        /// The state of its reading.
        var state: any WritableKeyPath<StreamStates, StreamState> & Sendable {
            switch self {
            case .inbox: \.inbox
            case .approvals: \.approvals
            }
        }

        /// Clears what is derived from it.
        func clear(_ database: Database) throws {
            switch self {
            case .inbox: try Schema.clearInbox(in: database)
            case .approvals: try Schema.clearApprovals(in: database)
            }
        }

        /// Removes what came from messages before a sequence.
        func drop(before first: Int64, in database: Database) throws {
            switch self {
            case .inbox:
                for table in ["marks", "floors", "mark_messages"] { try Self.delete(from: table, before: first, in: database) }
            case .approvals:
                // Nobody can answer the request any more.
                try database.execute(
                    sql: """
                        UPDATE notifications SET hidden = 1 WHERE (sequence, intake, tenant, approval) IN \
                        (SELECT a.sequence, a.intake, a.tenant, a.approval FROM approvals a WHERE a.place < ?) \
                        AND type = '\(Approval.Request.typeName)'
                        """,
                    arguments: [first]
                )
                for table in ["approvals", "listings", "records", "delegations"] {
                    try Self.delete(from: table, before: first, in: database)
                }
            }
        }

        /// Removes an approval whose record is before a sequence; `key` is its tenant and id. Its other records are removed when they expire.
        static func drop(approval key: [any DatabaseValueConvertible], before place: Int64, in database: Database) throws {
            let arguments = StatementArguments(key) + [place]
            let former = "tenant = ?1 AND approval = ?2 AND place < ?3"
            try database.cachedStatement(
                sql: """
                    UPDATE notifications SET hidden = 1 WHERE (sequence, intake, tenant, approval) IN \
                    (SELECT a.sequence, a.intake, a.tenant, a.approval FROM approvals a WHERE \(former)) AND type = '\(Approval.Request.typeName)'
                    """
            )
            .execute(arguments: arguments)
            for table in ["approvals", "listings"] {
                try database.cachedStatement(sql: "DELETE FROM \(table) WHERE \(former)").execute(arguments: arguments)
            }
        }

        private static func delete(from table: String, before first: Int64, in database: Database) throws {
            try database.cachedStatement(sql: "DELETE FROM \(table) WHERE place < ?").execute(arguments: [first])
        }
    }

    /// The model's position in a stream beside the log.
    struct SideProgress: Sendable, Equatable {
        /// The creation time of the stream, which identifies it; 0 for none.
        var life: UInt64
        var position: UInt64
        /// The last message read from the stream.
        var stamp: LogStamp?
        /// The file generation that this describes.
        var generation: Int
    }

    /// Waits for a position of the stream.
    func gate(of source: SideSource) -> PositionGate {
        switch source {
        case .inbox: inbox
        case .approvals: approvals
        }
    }

    /// Returns the model's position in the stream.
    func progress(of source: SideSource) async throws -> SideProgress {
        try await progress { row, generation in
            let name = source.rawValue
            return SideProgress(
                life: UInt64(bitPattern: try row.stored("\(name)_life") as Int64),
                position: UInt64(clamping: try row.stored("\(name)_position") as Int64),
                stamp: LogStamp(stored: try row.stored("\(name)_stamp_sequence"), at: try row.stored("\(name)_stamp_time")),
                generation: generation
            )
        }
    }
}
