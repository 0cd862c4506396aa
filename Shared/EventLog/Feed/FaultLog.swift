import Basics
import EventModel
import Logging
import Synchronization

/// Messages on the bus that are no events: counted all, logged a few.
///
/// Anyone who may publish can fill a log with lines, so each kind of fault gets one line an interval, which says how many it stands for.
final class FaultLog: Sendable {
    private struct Kind {
        var total: UInt64 = 0
        var unreported: UInt64 = 0
        var reportedAt: ContinuousClock.Instant?
    }

    private let logger: Logger
    private let interval: Duration
    private let kinds = Mutex<[String: Kind]>([:])

    /// Fields of payloads are named by producers; beyond this many kinds the rest is one.
    private static let maximumKinds = 64
    private static let otherKinds = "other"

    init(logger: Logger, interval: Duration = .seconds(10)) {
        self.logger = logger
        self.interval = interval
    }

    /// How many messages were skipped, by what was wrong with them.
    var totals: [String: UInt64] { kinds.withLock { $0.mapValues(\.total) } }

    /// Takes note of a message that was skipped. Any thread.
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
                "log.sequence": "\(sequence)",
                "log.subject": "\(subject().prefix(200))",
                "log.fault": "\(fault)",
                "log.count": "\(count)",
            ]
        )
    }
}
