import HTTPAPI

/// How many bytes of the read marks' stream one tenant's marks may take (contract §10).
///
/// The stream drops its oldest marks when it is full, of whichever tenant they are. So that one tenant cannot push out the marks of the others, it has
/// a quarter of the stream. Requests that are under way together, at one process or several, may exceed that by what they store.
struct InboxShare: Sendable, Equatable {
    /// What marks of one notification may fill, in bytes.
    let bytes: Int
    /// What only marks of all up to a place may take beyond that: one of these stands for many.
    let reserve: Int

    /// How long a refused client waits, in seconds: room comes when notifications leave the log, which may take long.
    private static let retryAfter = 60

    /// - Parameter limit: how many bytes the stream keeps; nil for no limit, and so no share.
    init?(of limit: Int64?) {
        guard let limit else { return nil }
        bytes = Int(limit / 4)
        reserve = bytes / 8
    }

    /// Admits a mark beside those that the tenant has.
    ///
    /// - Parameter kept: how many bytes these take.
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
