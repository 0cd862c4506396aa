import Basics
import DequeModule
import EventModel

/// The approvals of all tenants that have expired or escalate, a tenant's longest due first, one of each tenant in turn: those that expire together
/// by the thousand delay no other tenant's.
struct DueApprovals {
    private struct Tenants {
        let tenant: Tenant
        var page: ArraySlice<ReadModel.Due> = []
        var last: ReadModel.Due?
        /// Whether no further page follows.
        var isRead = false
    }

    /// The most approvals that are held, of all tenants together, while there are no more tenants than that.
    private static let held = 1000
    private static let pageSizes = 1...100

    private let model: ReadModel
    private let now: Timestamp
    private let pageSize: Int
    private var tenants: Deque<Tenants>

    /// - Throws: as a read of the model.
    init(by now: Timestamp, in model: ReadModel) async throws {
        let tenants = try await model.tenantsDue(by: now)
        self.model = model
        self.now = now
        self.tenants = Deque(tenants.map { Tenants(tenant: $0) })
        pageSize = min(max(Self.held / max(1, tenants.count), Self.pageSizes.lowerBound), Self.pageSizes.upperBound)
    }

    /// Returns the next approval; nil behind the last one.
    ///
    /// - Throws: as a read of the model.
    mutating func next() async throws -> Approval? {
        while var turn = tenants.popFirst() {
            if turn.page.isEmpty {
                if turn.isRead { continue }
                let page = try await model.due(by: now, of: turn.tenant, after: turn.last, limit: pageSize)
                turn.page = page[...]
                turn.last = page.last
                turn.isRead = page.count < pageSize
            }
            guard let due = turn.page.popFirst() else { continue }
            tenants.append(turn)
            return due.approval
        }
        return nil
    }
}
