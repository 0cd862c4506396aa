public import Basics
import EventLog
import EventModel
public import Logging
import Synchronization

/// Logs the delivery of each event with a trace (W3C Trace Context), once a process: the delay, and the number of connections. Other events
/// cost a check of one field.
///
/// Logs a sampled trace at `info`, any other at `debug`, and no more than ``linesPerSecond`` lines a second; the next line
/// has the number of lines left out.
public final class DeliveryLog: Sendable {
    /// The limit of lines a second.
    public static let linesPerSecond = 100

    private struct Budget {
        var second: Int64 = 0
        var used = 0
        var leftOut = 0

        /// Takes a line from the rate limit, with the number of lines suppressed before it; nil when the limit is reached.
        mutating func take(in second: Int64) -> Int? {
            if second != self.second { (self.second, self.used) = (second, 0) }
            guard self.used < DeliveryLog.linesPerSecond else {
                self.leftOut += 1
                return nil
            }
            self.used += 1
            defer { self.leftOut = 0 }
            return self.leftOut
        }
    }

    private let logger: Logger
    private let wallClock: @Sendable () -> Timestamp
    private let budget = Mutex(Budget())

    /// - Parameter wallClock: The time of day, for measuring delays.
    public init(logger: Logger, wallClock: @escaping @Sendable () -> Timestamp) {
        self.logger = logger
        self.wallClock = wallClock
    }

    /// Creates the record of a traced event; nil for an event that is not logged. The feed's thread.
    func begin(_ entry: LogEntry, epoch: UInt16) -> TracedDelivery? {
        guard let trace = entry.event.traceparent.flatMap(TraceParent.init) else { return nil }
        let level: Logger.Level = trace.isSampled ? .info : .debug
        guard self.logger.logLevel <= level else { return nil }
        guard let leftOut = self.budget.withLock({ $0.take(in: self.wallClock().millisecondsSinceEpoch / 1000) }) else { return nil }
        let cursor = entry.cursor(epoch: epoch)
        return TracedDelivery(event: entry.event, cursor: cursor) { [logger, wallClock] connections, behind in
            let lag = max(0, wallClock().millisecondsSinceEpoch - entry.intake.millisecondsSinceEpoch)
            var metadata: Logger.Metadata = [
                LogKey.traceID: "\(trace.traceID)", LogKey.tenant: "\(entry.event.tenant)", LogKey.eventID: "\(cursor.text)",
                LogKey.eventType: "\(entry.event.type.name)", LogKey.connections: "\(connections)", LogKey.behind: "\(behind)",
                LogKey.lag: "\(lag)",
            ]
            if leftOut > 0 { metadata[LogKey.leftOut] = "\(leftOut)" }
            // Off the loop, because a log may be slow.
            Task { [metadata] in logger.log(level: level, "event delivered", metadata: metadata) }
        }
    }
}
