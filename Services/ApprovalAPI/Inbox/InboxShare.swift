import HTTPAPI

/// Limits how many bytes of the read marks' stream one tenant's marks may take (contract §10).
///
/// A full stream drops its oldest marks, of any tenant. So that no tenant evicts the marks of others, each may have a quarter of the stream. Concurrent
/// requests, in one or several processes, may exceed that by what they store.
struct InboxShare: Sendable, Equatable {
    /// Limit of marks of single notifications, in bytes.
    let bytes: Int
    /// Additional bytes for marks of all up to a place: one of these replaces many.
    let reserve: Int

    /// `Retry-After` in seconds: space is freed when notifications leave the log, which may take long.
    private static let retryAfter = 60

    /// - Parameter limit: the stream's size limit in bytes; nil for no limit, and so no share.
    init?(of limit: Int64?) {
        guard let limit else { return nil }
        bytes = Int(limit / 4)
        reserve = bytes / 8
    }

    /// Admits a mark, given the tenant's current usage.
    ///
    /// - Parameter kept: the current usage in bytes.
    /// - Throws: `rate_limited` when there is no room for it.
    func admit(_ mark: ReadMark, beside kept: Int) throws {
        let limit =
            switch mark.extent {
            case .one: bytes
            case .through: bytes + reserve
            }
        guard try kept + mark.storedBytes() > limit else { return }
        throw APIError.rateLimited(
            """
            Your tenant's read marks fill their share of \(bytes) bytes. Mark all up to a notification with POST /v1/notifications/read, for which \
            \(reserve) bytes more are kept, or wait until marked notifications leave the log.
            """,
            retryAfter: Self.retryAfter
        )
    }
}

extension ReadMark {
    /// How many bytes the mark takes in its stream: nats-server's file storage adds 30 to subject and body (length, sequence, time, length of the
    /// subject, checksum), the one in memory less.
    func storedBytes() throws -> Int { try 30 + subject.utf8.count + body().count }
}
