import Basics
import EventLog

extension TenantByteShares {
    /// Each tenant's share of the stream of approval records for what people write: votes, and the reasons of decisions. The intake charges what follows from
    /// a request itself (``ApprovalRecords/bytes(of:)``).
    ///
    /// An eighth of `APPROVALS_MAX_BYTES` at once, and again in `APPROVALS_MAX_AGE`. Nil without a limit.
    static func ofVotes(
        _ log: EventLogConfiguration,
        now: @escaping @Sendable () -> Duration = SteadyTime.now
    ) -> TenantByteShares? {
        guard let limit = log.approvalsMaxBytes else { return nil }
        return TenantByteShares(max(1, limit / 8), in: log.approvalsMaxAge ?? ageWithoutExpiry, now: now)
    }
}
