import Basics
import EventLog
import EventModel
import HTTPAPI
import ServiceKit
import Synchronization

/// Rate limits per tenant (contract §10, "Shares"): events and payload bytes per second, each with a burst; and bytes of approval requests, whose records
/// are kept for a long time.
///
/// Admits a request completely or not at all, also with events of several tenants. One per process; any thread.
final class IntakeShares: Sendable {
    /// A request's usage of one tenant's limits.
    struct Use: Sendable, Hashable {
        var events = 0
        /// Users who may see an event besides the one to whom it is addressed. The read model has a row for each, so each counts as an event.
        var furtherRecipients = 0
        /// Payload bytes.
        var bytes = 0
        /// Bytes that the records of approval requests may take (``ApprovalRecords/bytes(of:)``).
        var approvalBytes = 0
    }

    private struct State {
        var events: TenantBuckets?
        var bytes: TenantBuckets?
        var approvalBytes: TenantBuckets?
        var charged: [Tenant: ChargedApprovals] = [:]
    }

    /// A request for approval, with the bytes that its records may take.
    private struct ApprovalUse {
        var tenant: Tenant
        var approvalID: ApprovalID
        var bytes: Int
    }

    /// The approvals of a tenant that were charged last. An id has one record, so a request that is sent again, because it is pending or because the log
    /// did not answer, is not charged again; a larger one pays the difference, as a small one may have been refused. By hashes, seeded for each process:
    /// two that are the same cost the tenant too little.
    private struct ChargedApprovals {
        private static let maximum = 8192
        private var recent: [Int: Int] = [:]
        private var former: [Int: Int] = [:]

        /// Returns the bytes that were charged; 0 for an approval that is not remembered.
        func bytes(of id: ApprovalID) -> Int { recent[id.hashValue] ?? former[id.hashValue] ?? 0 }

        mutating func record(_ bytes: Int, of id: ApprovalID) {
            if recent.count >= Self.maximum { (former, recent) = (recent, [:]) }
            recent[id.hashValue] = bytes
        }
    }

    /// Number of tenants whose charged approvals are remembered; beyond it all are forgotten, and charged again.
    private static let maximumTenants = 10_000

    /// The burst, in seconds of the rate.
    static let burstSeconds = 10

    private let limits: IntakeLimits
    private let now: @Sendable () -> Duration
    private let state: Mutex<State>
    /// Admitted events, by tenant.
    let admittedEvents: TenantUsage
    /// Admitted payload bytes, by tenant.
    let admittedBytes: TenantUsage

    /// - Parameters:
    ///   - limits: ``IntakeLimits/eventsPerSecond`` and ``IntakeLimits/bytesPerSecond``; 0 for no limit.
    ///   - now: the time since any fixed moment.
    init(_ limits: IntakeLimits, now: @escaping @Sendable () -> Duration = SteadyTime.now) {
        self.limits = limits
        self.now = now
        let share = Double(limits.approvalBytes)
        state = Mutex(
            State(
                events: Self.buckets(limits.eventsPerSecond),
                bytes: Self.buckets(limits.bytesPerSecond),
                approvalBytes: share > 0 ? TenantBuckets(capacity: share, perSecond: share / (limits.approvalsMaxAge / .seconds(1))) : nil
            )
        )
        admittedEvents = TenantUsage(now: now)
        admittedBytes = TenantUsage(now: now)
    }

    private static func buckets(_ perSecond: Int) -> TenantBuckets? {
        perSecond > 0 ? TenantBuckets(capacity: Double(perSecond * burstSeconds), perSecond: Double(perSecond)) : nil
    }

    /// Takes the events' usage from their tenants' limits: completely, or throws `rate_limited`.
    func take(_ events: [Event]) throws(APIError) {
        var uses: [Tenant: Use] = [:]
        var approvals: [ApprovalUse] = []
        var run = (tenant: events.first?.tenant, use: Use())
        // By index: a copy of an event retains each of its texts.
        for index in events.indices {
            if events[index].tenant != run.tenant {
                if let tenant = run.tenant { uses[tenant, default: Use()].add(run.use) }
                run = (events[index].tenant, Use())
            }
            let others = events[index].recipients.others.count
            run.use.add(Use(events: 1, furtherRecipients: others, bytes: events[index].payload.bytes.count))
            guard EventCatalogue.isApprovalRequest(events[index].type) else { continue }
            let event = events[index]
            if let approvalID = EventCatalogue.requestedApproval(event) {
                approvals.append(ApprovalUse(tenant: event.tenant, approvalID: approvalID, bytes: ApprovalRecords.bytes(of: event)))
            }
        }
        if let tenant = run.tenant { uses[tenant, default: Use()].add(run.use) }
        try take(uses, approvals)
    }

    /// The same, for uses that were counted.
    func take(_ uses: [Tenant: Use]) throws(APIError) { try take(uses, []) }

    private func take(_ counted: [Tenant: Use], _ approvals: [ApprovalUse]) throws(APIError) {
        let time = now()
        var uses = counted
        let refusal: APIError? = state.withLock { state in
            let new = approvals.compactMap { approval -> (approval: ApprovalUse, charge: Int)? in
                let charge = approval.bytes - (state.charged[approval.tenant]?.bytes(of: approval.approvalID) ?? 0)
                return charge > 0 ? (approval, charge) : nil
            }
            for (approval, charge) in new { uses[approval.tenant]?.approvalBytes += charge }
            for (tenant, use) in uses {
                let seconds = Self.seconds(until: use, of: tenant, in: &state, at: time)
                if seconds > 0 { return exhausted(tenant, seconds: seconds) }
                let wait = Self.seconds(untilRecorded: use, of: tenant, in: &state, at: time)
                if wait > 0 { return recordsExhausted(tenant, seconds: wait) }
            }
            for (tenant, use) in uses {
                state.events?.withBucket(of: tenant, at: time) { _ = $0.take(Double(use.rows), at: time) }
                state.bytes?.withBucket(of: tenant, at: time) { _ = $0.take(Double(use.bytes), at: time) }
                guard use.approvalBytes > 0 else { continue }
                state.approvalBytes?.withBucket(of: tenant, at: time) { _ = $0.take(Double(use.approvalBytes), at: time) }
            }
            if !new.isEmpty, state.charged.count > Self.maximumTenants { state.charged = [:] }
            for (approval, _) in new {
                state.charged[approval.tenant, default: ChargedApprovals()].record(approval.bytes, of: approval.approvalID)
            }
            return nil
        }
        if let refusal { throw refusal }
        for (tenant, use) in uses {
            admittedEvents.add(use.events, of: tenant)
            admittedBytes.add(use.bytes, of: tenant)
        }
    }

    /// Refuses a tenant's request, before its body is read, when its limits are used up.
    func checkIsLeft(for tenant: Tenant) throws(APIError) {
        let time = now()
        let seconds = state.withLock { Self.seconds(until: Use(events: 1, bytes: 1), of: tenant, in: &$0, at: time) }
        if seconds > 0 { throw exhausted(tenant, seconds: seconds) }
    }

    /// Returns the tenant's use of the limit of events.
    func eventsUse(of tenant: Tenant) -> ShareUse {
        use("events", of: tenant, admittedEvents, perSecond: limits.eventsPerSecond) { $0.events }
    }

    /// Returns the tenant's use of the limit of payload bytes.
    func bytesUse(of tenant: Tenant) -> ShareUse {
        use("bytes", of: tenant, admittedBytes, perSecond: limits.bytesPerSecond) { $0.bytes }
    }

    private func use(
        _ name: String,
        of tenant: Tenant,
        _ admitted: TenantUsage,
        perSecond: Int,
        _ buckets: @Sendable (State) -> TenantBuckets?
    ) -> ShareUse {
        let time = now()
        let left = state.withLock { buckets($0)?.remaining(of: tenant, at: time) }
        return .rate(
            name,
            lastMinute: admitted.amount(of: tenant),
            limit: left.map { (burst: perSecond * Self.burstSeconds, left: $0, perSecond: Double(perSecond)) }
        )
    }

    /// Charges a refused request to its sender: reading it has cost as much as an event.
    func charge(_ use: Use, to tenant: Tenant) {
        let time = now()
        state.withLock { state in
            state.events?.withBucket(of: tenant, at: time) { $0.charge(Double(use.rows), at: time) }
            state.bytes?.withBucket(of: tenant, at: time) { $0.charge(Double(use.bytes), at: time) }
        }
    }

    private static func seconds(until use: Use, of tenant: Tenant, in state: inout State, at time: Duration) -> Int {
        func wait(_ bucket: inout TokenBucket, _ cost: Int) -> Int {
            bucket.allows(Double(cost), at: time) ? 0 : bucket.seconds(until: Double(cost))
        }
        let events = state.events?.withBucket(of: tenant, at: time) { wait(&$0, use.rows) } ?? 0
        let bytes = state.bytes?.withBucket(of: tenant, at: time) { wait(&$0, use.bytes) } ?? 0
        return max(events, bytes)
    }

    private static func seconds(untilRecorded use: Use, of tenant: Tenant, in state: inout State, at time: Duration) -> Int {
        guard use.approvalBytes > 0 else { return 0 }
        return state.approvalBytes?.withBucket(of: tenant, at: time) { bucket in
            bucket.allows(Double(use.approvalBytes), at: time) ? 0 : bucket.seconds(until: Double(use.approvalBytes))
        } ?? 0
    }

    private func recordsExhausted(_ tenant: Tenant, seconds: Int) -> APIError {
        .rateLimited(
            """
            The tenant \(tenant.text) has used up its share of the approval records, \(limits.approvalBytes) bytes: nothing of the request is stored; \
            send it again in \(seconds) s, or have the operator raise APPROVALS_MAX_BYTES.
            """,
            retryAfter: seconds
        )
    }

    private func exhausted(_ tenant: Tenant, seconds: Int) -> APIError {
        var shares: [String] = []
        if limits.eventsPerSecond > 0 { shares.append("\(limits.eventsPerSecond) events") }
        if limits.bytesPerSecond > 0 { shares.append("\(limits.bytesPerSecond) bytes of payloads") }
        return .rateLimited(
            """
            The tenant \(tenant.text) has used up its share of the intake, \(shares.joined(separator: " and ")) a second: nothing of the request \
            is stored; send it again in \(seconds) s.
            """,
            retryAfter: seconds
        )
    }
}

extension IntakeShares.Use {
    /// What the limit of events is charged.
    var rows: Int { events + furtherRecipients }

    mutating func add(_ other: IntakeShares.Use) {
        events += other.events
        furtherRecipients += other.furtherRecipients
        bytes += other.bytes
        approvalBytes += other.approvalBytes
    }
}
