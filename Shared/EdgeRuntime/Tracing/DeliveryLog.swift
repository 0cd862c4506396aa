public import Basics
import EventLog
import EventModel
public import Logging
import Synchronization
public import Tracing

/// Logs the delivery of each event with a trace (W3C Trace Context), once a process: the delay, and the number of connections. Other events
/// cost a check of one field. If the process exports spans, the delivery of an event of a sampled trace is a span, from the feed until
/// all loops have written.
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
    private let tracer: any Tracer
    private let budget = Mutex(Budget())

    /// - Parameters:
    ///   - wallClock: The time of day, for measuring delays.
    ///   - tracer: Records the spans.
    public init(logger: Logger, wallClock: @escaping @Sendable () -> Timestamp, tracer: any Tracer = InstrumentationSystem.tracer) {
        self.logger = logger
        self.wallClock = wallClock
        self.tracer = tracer
    }

    /// Creates the record of a traced event; nil for an event that is neither logged nor recorded. The feed's thread.
    func begin(_ entry: LogEntry, epoch: UInt16) -> TracedDelivery? {
        guard let trace = entry.event.traceparent.flatMap(TraceParent.init) else { return nil }
        let cursor = entry.cursor(epoch: epoch)
        let report = self.report(entry, cursor, of: trace)
        let span = self.span(entry, cursor, of: trace)
        guard report != nil || span != nil else { return nil }
        return TracedDelivery(event: entry.event, cursor: cursor) { connections, behind in
            span?.attributes[SpanKey.connections] = connections
            span?.attributes[SpanKey.behind] = behind
            span?.end()
            report?(connections, behind)
        }
    }

    private func span(_ entry: LogEntry, _ cursor: Cursor, of trace: TraceParent) -> (any Span)? {
        guard let span = self.tracer.startSpan("deliver event", within: trace, ofKind: .consumer) else { return nil }
        span.attributes = [
            SpanKey.eventID: .string(cursor.text), SpanKey.eventType: .string(entry.event.type.name),
            SpanKey.tenant: .string("\(entry.event.tenant)"), SpanKey.bytes: .int64(Int64(entry.event.payload.bytes.count)),
        ]
        return span
    }

    /// Returns the writer of the line; nil for an event that is not logged.
    private func report(_ entry: LogEntry, _ cursor: Cursor, of trace: TraceParent) -> (@Sendable (Int, Int) -> Void)? {
        let level: Logger.Level = trace.isSampled ? .info : .debug
        guard self.logger.logLevel <= level else { return nil }
        guard let leftOut = self.budget.withLock({ $0.take(in: self.wallClock().millisecondsSinceEpoch / 1000) }) else { return nil }
        return { [logger, wallClock] connections, behind in
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
