import Basics
import EventModel
import Logging
import Synchronization

/// Counts messages on the bus that are not events, and logs a sample.
///
/// Any publisher could flood the process's log, so each kind of fault is logged once per interval, with its count.
final class FaultLog: Sendable {
    private struct Kind {
        var total: UInt64 = 0
        var unreported: UInt64 = 0
        var reportedAt: ContinuousClock.Instant?
    }

    private let logger: Logger
    private let interval: Duration
    private let kinds = Mutex<[String: Kind]>([:])

    /// Maximum number of kinds; producers choose field names, so the rest is one kind.
    private static let maximumKinds = 64
    private static let otherKinds = "other"

    init(logger: Logger, interval: Duration = .seconds(10)) {
        self.logger = logger
        self.interval = interval
    }

    /// Number of skipped messages, by fault.
    var totals: [String: UInt64] { kinds.withLock { $0.mapValues(\.total) } }

    /// Records a skipped message. Any thread.
    func record(_ fault: ValidationError, sequence: UInt64, subject: @autoclosure () -> String, now: ContinuousClock.Instant = .now) {
        let count: UInt64? = kinds.withLock { kinds in
            let name = kinds[fault.field] != nil || kinds.count < Self.maximumKinds ? fault.field : Self.otherKinds
            var kind = kinds[name] ?? Kind()
            defer { kinds[name] = kind }
            kind.total += 1
            kind.unreported += 1
            if let reportedAt = kind.reportedAt, now - reportedAt < interval { return nil }
            kind.reportedAt = now
            defer { kind.unreported = 0 }
            return kind.unreported
        }
        guard let count else { return }
        logger.warning(
            "skipped a message that is no event",
            metadata: [
                LogKey.sequence: "\(sequence)",
                LogKey.subject: "\(subject().prefix(200))",
                LogKey.fault: "\(fault)",
                LogKey.count: "\(count)",
            ]
        )
    }
}
