import Basics
import EventModel
import Foundation
import GRDB
import HTTPAPI

/// The order of a list of approvals.
enum ApprovalOrder: String, Sendable, CaseIterable {
    /// Newest first.
    case created
    /// The next deadline first; those without one last.
    case deadline
}

/// A place in a list of approvals: the sort key of an item.
struct ApprovalListPlace: Sendable, Equatable {
    /// The intake time, or the deadline, in milliseconds since 1970.
    var time: Int64
    /// The sequence of the request in the log.
    var sequence: UInt64
}

extension ReadModel {
    /// Returns the approval with that id, without a check of visibility; nil when absent.
    func approval(_ id: ApprovalID, of tenant: Tenant, for holder: ReaderShares.Holder? = nil) async throws -> Approval? {
        try await read(for: holder ?? .tenant(tenant)) { database in
            try Self.row(of: id.text, tenant, database).map { try Approval.read($0, database) }
        }
    }

    /// Returns the row of an approval; nil when absent.
    private static func row(of id: String, _ tenant: Tenant, _ database: Database) throws -> Row? {
        let sql = "SELECT * FROM approvals WHERE tenant = ? AND approval = ?"
        return try Row.fetchOne(database.cachedStatement(sql: sql), arguments: [tenant.text, id])
    }

    /// Returns the sequences of requests for an approval that the log holds and that has no record.
    func unrecordedRequests(_ id: ApprovalID, of tenant: Tenant) async throws -> [UInt64] {
        try await announcements(of: .request(approvalID: id), tenant)
    }

    /// Returns the sequences of the log's events at a place.
    func announcements(of place: ApprovalPlace, _ tenant: Tenant) async throws -> [UInt64] {
        try await read(for: .tenant(tenant)) { database in
            let sql = "SELECT sequence FROM announcements WHERE tenant = ? AND approval = ? AND name = ? ORDER BY sequence LIMIT 16"
            return try Int64.fetchAll(
                database.cachedStatement(sql: sql),
                arguments: [tenant.text, place.approvalID.text, place.name]
            ).map { UInt64(clamping: $0) }
        }
    }

    /// Maximum size of the rows of a page, in bytes: a request may be large.
    private static let maximumPageBytes = 1 << 20

    /// Returns approvals in the viewer's lists: those for everyone, and those whose recipients include the viewer.
    ///
    /// - Parameters:
    ///   - status: only those with this status; nil for all.
    ///   - after: only those behind this place in the order; nil for the first page.
    ///   - limit: maximum number.
    ///   - holder: the owner of the read, for fair scheduling; nil for the viewer's tenant.
    /// - Returns: the approvals, and whether there are more.
    func approvals(
        for viewer: Viewer,
        status: ApprovalStatus?,
        order: ApprovalOrder = .created,
        after: ApprovalListPlace?,
        limit: Int,
        holder: ReaderShares.Holder? = nil
    ) async throws -> (items: [Approval], hasMore: Bool) {
        try await read(for: holder ?? .tenant(viewer.tenant)) { database in
            var arguments = viewer.arguments + ["limit": limit + 1]
            if let status { arguments += ["status": status.rawValue] }
            let filter = status == nil ? "" : " AND l.status = :status"
            let (behind, sorted): (String, String)
            switch order {
            case .created:
                (behind, sorted) = ("(l.intake, l.sequence) < (:time, :sequence)", "intake DESC, sequence DESC")
                arguments += ["time": after?.time ?? .max]
            case .deadline:
                (behind, sorted) = ("(l.deadline, l.sequence) > (:time, :sequence)", "deadline, sequence")
                arguments += ["time": after?.time ?? -1]
            }
            arguments += ["sequence": after.map { Int64(clamping: $0.sequence) } ?? 0]
            let runs = Viewer.audiences.map { audience in
                """
                SELECT * FROM (SELECT * FROM listings l WHERE l.tenant = :tenant AND l.user = \(audience) AND \(behind)\(filter) \
                ORDER BY \(sorted) LIMIT :limit)
                """
            }
            let sql = "\(runs.joined(separator: " UNION ALL ")) ORDER BY \(sorted) LIMIT :limit"
            let listings = try Row.fetchCursor(database.cachedStatement(sql: sql), arguments: arguments)
            var items: [Approval] = []
            var bytes = 0
            while let listing = try listings.next() {
                guard let row = try Self.row(of: listing.stored("approval"), viewer.tenant, database) else { continue }
                bytes += (try row.stored("summary") as Data).count
                if items.count == limit || (bytes > Self.maximumPageBytes && !items.isEmpty) { return (items, true) }
                items.append(try Approval.read(row, database))
            }
            return (items, false)
        }
    }

    /// Returns whether there is an approval whose request is at that position of the log, or of a former log.
    func holdsApproval(requestedAt cursor: EventModel.Cursor, of tenant: Tenant) async throws -> Bool {
        try await read(for: .tenant(tenant)) { database in
            let sql = "SELECT 1 FROM approvals WHERE sequence = ? AND epoch = ? AND tenant = ?"
            let arguments: StatementArguments = [Int64(clamping: cursor.sequence), Int64(cursor.epoch), tenant.text]
            return try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) != nil
        }
    }

    /// Returns the tenants with pending approvals that have expired or escalate.
    func tenantsDue(by now: Timestamp) async throws -> [Tenant] {
        try await read(for: .process) { database in
            // From one tenant to the next in the index: a tenant costs the same, however many it has.
            let sql = """
                WITH RECURSIVE found (tenant) AS (
                    SELECT min(tenant) FROM approvals WHERE status = 'pending' AND due_at IS NOT NULL
                    UNION ALL
                    SELECT (SELECT min(a.tenant) FROM approvals a WHERE a.status = 'pending' AND a.due_at IS NOT NULL AND a.tenant > found.tenant)
                    FROM found WHERE found.tenant IS NOT NULL
                )
                SELECT tenant FROM found WHERE tenant IS NOT NULL AND EXISTS (
                    SELECT 1 FROM approvals a WHERE a.tenant = found.tenant AND a.status = 'pending' AND a.due_at IS NOT NULL AND a.due_at <= ?
                )
                """
            let texts = try String.fetchAll(database.cachedStatement(sql: sql), arguments: [now.millisecondsSinceEpoch])
            return texts.map { Tenant(generated: $0) }
        }
    }

    /// Returns pending approvals that have expired or escalate, longest due first.
    ///
    /// - Parameters:
    ///   - tenant: only those of this one; nil for any.
    ///   - after: the last one of the page before, with the time at which it was due; nil for the first page.
    func due(by now: Timestamp, of tenant: Tenant? = nil, after: Due? = nil, limit: Int) async throws -> [Due] {
        try await read(for: .process) { database in
            var page = ""
            var arguments: StatementArguments = ["now": now.millisecondsSinceEpoch, "limit": limit]
            if let tenant {
                page = "AND tenant = :of "
                arguments += ["of": tenant.text]
            }
            if let after {
                page += "AND (due_at, tenant, approval) > (:due, :tenant, :approval)"
                let request = after.approval.request
                arguments += ["due": after.at, "tenant": request.tenant.text, "approval": request.approvalID.text]
            }
            let sql = """
                SELECT * FROM approvals WHERE status = 'pending' AND due_at IS NOT NULL AND due_at <= :now \(page)
                ORDER BY due_at, tenant, approval LIMIT :limit
                """
            return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map { row in
                Due(approval: try Approval.read(row, database), at: try row.stored("due_at"))
            }
        }
    }

    /// An approval that has expired or escalates.
    struct Due: Sendable, Equatable {
        var approval: Approval
        /// When it was due, in milliseconds since 1970.
        var at: Int64
    }

    /// Whether the viewer's key was used for another approval.
    func hasActed(under key: IdempotencyKey, _ viewer: Viewer, otherThan id: ApprovalID) async throws -> Bool {
        let prefix = DecisionID.prefix(key: key, of: viewer)
        return try await read(for: .tenant(viewer.tenant)) { database in
            // The prefix is followed by hexadecimal digits, which sort before "~".
            let sql = "SELECT 1 FROM records WHERE tenant = ? AND event_id >= ? AND event_id < ? AND approval <> ? LIMIT 1"
            let arguments: StatementArguments = [viewer.tenant.text, prefix, prefix + "~", id.text]
            return try Row.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) != nil
        }
    }

    /// Returns the figures of the approvals that wait, of all tenants.
    func waiting(at now: Timestamp, soon: Duration) async throws -> WaitingApprovals {
        try await read(for: .process) { database in
            let sql = "SELECT count(*) AS n, min(requested_at) AS oldest FROM approvals WHERE status = 'pending'"
            guard let row = try Row.fetchOne(database.cachedStatement(sql: sql)) else { return WaitingApprovals() }
            let end = now.millisecondsSinceEpoch + Int64(soon / .milliseconds(1))
            let due = "SELECT count(*) FROM approvals WHERE status = 'pending' AND deadline <= ?"
            let oldest = try row.stored("oldest") as Int64?
            return WaitingApprovals(
                count: try row.stored("n"),
                oldestMilliseconds: oldest.map { max(0, now.millisecondsSinceEpoch - $0) } ?? 0,
                dueSoon: try Int.fetchOne(database.cachedStatement(sql: due), arguments: [end]) ?? 0
            )
        }
    }

    // MARK: Delegations

    /// Returns the delegations in force to a person, oldest first.
    ///
    /// - Parameter giver: only those of this person; nil for the newest few of each.
    func delegations(to receiver: Viewer, from giver: UserID? = nil, at now: Timestamp) async throws -> [Delegation] {
        let few = "row_number() OVER (PARTITION BY giver ORDER BY place DESC) AS newest"
        let all = "SELECT *, \(few) FROM delegations WHERE tenant = :tenant AND receiver = :user AND until > :now"
        // Nobody crowds out another person's.
        let sql =
            "SELECT * FROM (\(all)) WHERE \(giver == nil ? "newest <= \(Self.fewDelegations)" : "giver = :giver") ORDER BY place LIMIT :limit"
        return try await delegations(sql, of: receiver, at: now, giver: giver)
    }

    /// Returns whether a person may vote in the place of one of the recipients of an approval.
    ///
    /// Looks up as many givers as an approval can have recipients, whatever their number is, so that the time does not tell it. Goes by the givers, because
    /// their delegations are bounded, and those that a person has received are not.
    func isDeputy(_ receiver: Viewer, of recipients: [UserID], at now: Timestamp) async throws -> Bool {
        let others = repeatElement(Viewer.everyone, count: max(0, Recipients.maximumOthers + 1 - recipients.count))
        let givers = String(decoding: try JSONEncoder().encode(recipients.map(\.text) + others), as: UTF8.self)
        return try await read(for: .tenant(receiver.tenant)) { database in
            let sql = """
                SELECT EXISTS (
                    SELECT 1 FROM json_each(:givers) AS g CROSS JOIN delegations AS d INDEXED BY delegations_by_giver
                    WHERE d.tenant = :tenant AND d.giver = g.value AND d.until > :now AND d.receiver = :user
                )
                """
            let arguments = receiver.arguments + ["now": now.millisecondsSinceEpoch, "givers": givers]
            return try Bool.fetchOne(database.cachedStatement(sql: sql), arguments: arguments) ?? false
        }
    }

    /// Returns the delegations in force that a person gave or received, oldest first.
    func delegations(with person: Viewer, at now: Timestamp) async throws -> [Delegation] {
        let sql = """
            SELECT * FROM delegations WHERE tenant = :tenant AND (receiver = :user OR giver = :user) AND until > :now ORDER BY place LIMIT :limit
            """
        return try await delegations(sql, of: person, at: now)
    }

    /// Returns the delegations in force that a person gave, oldest first.
    func delegations(by giver: Viewer, at now: Timestamp) async throws -> [Delegation] {
        let sql = "SELECT * FROM delegations WHERE tenant = :tenant AND giver = :user AND until > :now ORDER BY place LIMIT :limit"
        return try await delegations(sql, of: giver, at: now)
    }

    /// Maximum number of delegations that are read at a time.
    private static let maximumDelegations = 1000
    /// Number of delegations of one giver that count where the vote names no giver.
    private static let fewDelegations = 5

    private func delegations(_ sql: String, of person: Viewer, at now: Timestamp, giver: UserID? = nil) async throws -> [Delegation] {
        try await read(for: .tenant(person.tenant)) { database in
            var arguments = person.arguments + ["now": now.millisecondsSinceEpoch, "limit": Self.maximumDelegations]
            if let giver { arguments += ["giver": giver.text] }
            return try Row.fetchAll(database.cachedStatement(sql: sql), arguments: arguments).map(Delegation.init(row:))
        }
    }
}

/// The approvals that wait for an answer, of all tenants.
struct WaitingApprovals: Sendable, Equatable {
    var count = 0
    /// How long the oldest has waited.
    var oldestMilliseconds: Int64 = 0
    /// How many expire soon.
    var dueSoon = 0
}

// MARK: Rows

extension Approval {
    /// Reads an approval with its records.
    fileprivate static func read(_ row: Row, _ database: Database) throws -> Approval {
        var approval = Approval(request: try Request(row: row))
        let key: StatementArguments = [approval.request.tenant.text, approval.request.approvalID.text]
        // Records of a former approval with the id may be kept a little longer than its request.
        let records = "SELECT * FROM records WHERE tenant = ? AND approval = ? AND place > ? ORDER BY place"
        let since = key + [Int64(clamping: approval.request.record)]
        for row in try Row.fetchAll(database.cachedStatement(sql: records), arguments: since) { try approval.add(record: row) }
        let announcements = "SELECT * FROM announcements WHERE tenant = ? AND approval = ? ORDER BY sequence DESC"
        let epoch = try Int64.fetchOne(database.cachedStatement(sql: "SELECT log_epoch FROM progress"))
        approval.logEpoch = UInt16(truncatingIfNeeded: epoch ?? 0)
        // The oldest of several at a place counts.
        for row in try Row.fetchAll(database.cachedStatement(sql: announcements), arguments: key) {
            approval.announced[try row.stored("name")] = Announced(
                typeName: try row.stored("type"),
                time: try row.time("time"),
                place: LogPlace(try row.stored("sequence"), intake: try row.stored("intake"))
            )
        }
        return approval
    }

    private mutating func add(record row: Row) throws {
        let sequence = UInt64(clamping: try row.stored("place") as Int64)
        guard let place = ApprovalPlace(approvalID: request.approvalID, name: try row.stored("name") as String) else { return }
        var event = try Event(
            row: row,
            tenant: request.tenant,
            type: EventType(stored: row.stored("type")),
            user: request.recipients.user,
            id: "event_id",
            time: "time",
            payload: "payload"
        )
        event.recipients = request.recipients
        switch place {
        case .vote: if let vote = Vote(event, record: sequence) { votes.append(vote) }
        case .escalation(_, let step): escalations[step] = Escalated(at: event.time, record: sequence)
        case .decision:
            if let decision = Decision(event, on: request.approvalID) {
                self.decision = Decided(eventID: event.id, decision: decision, record: sequence)
            }
        case .consumption: consumption = Consumption(event)
        case .request, .effect: break
        }
    }
}

extension Event {
    /// Reads an event from the named columns of a row.
    fileprivate init(row: Row, tenant: Tenant, type: EventType, user: UserID?, id: String, time: String, payload: String) throws {
        let bytes: Data = try row.stored(payload)
        let content: Payload
        do throws(ValidationError) {
            content = try Payload(validating: Array(bytes))
        } catch {
            throw DatabaseError.damaged(error)
        }
        self.init(
            id: try EventID(stored: row.stored(id)),
            tenant: tenant,
            type: type,
            user: user,
            time: try row.time(time),
            payload: content
        )
    }
}

extension Approval.Request {
    /// Reads a request from a row of `approvals`.
    init(row: Row) throws {
        let event = try Event(
            row: row,
            tenant: Tenant(stored: row.stored("tenant")),
            type: Self.type,
            user: (row.stored("user") as String?).map { try UserID(stored: $0) },
            id: "event_id",
            time: "requested_at",
            payload: "summary"
        )
        let cursor = EventModel.Cursor(
            time: try row.time("intake"),
            epoch: UInt16(truncatingIfNeeded: try row.stored("epoch") as Int64),
            sequence: UInt64(clamping: try row.stored("sequence") as Int64)
        )
        guard var request = Self(event, at: cursor) else {
            throw DatabaseError.damaged(ValidationError(field: "summary", message: "must be a valid request"))
        }
        request.record = UInt64(clamping: try row.stored("place") as Int64)
        request.description = SQLText.text(try row.stored("description"))
        request.action = (try row.stored("action") as Data?).map(Array.init)
        if let digest = try row.stored("action_digest") as String? {
            do throws(ValidationError) {
                request.actionDigest = try ActionDigest(digest, field: "action_digest")
            } catch {
                throw DatabaseError.damaged(error)
            }
        }
        self = request
    }
}

extension Delegation {
    fileprivate init(row: Row) throws {
        self.init(
            id: try row.stored("id"),
            tenant: try Tenant(stored: row.stored("tenant")),
            giver: try UserID(stored: row.stored("giver")),
            roles: (try? JSONDecoder().decode([String].self, from: row.stored("roles") as Data)) ?? [],
            receiver: try UserID(stored: row.stored("receiver")),
            createdAt: try row.time("created_at"),
            until: try row.time("until")
        )
    }
}

extension Row {
    /// Returns a time, which is stored in milliseconds since 1970.
    func time(_ column: String) throws -> Timestamp { Timestamp(millisecondsSinceEpoch: try stored(column)) }
}

extension LogPlace {
    /// Creates a place from its columns.
    init(_ sequence: Int64, intake: Int64) {
        self.init(sequence: UInt64(clamping: sequence), intake: Timestamp(millisecondsSinceEpoch: intake))
    }
}
