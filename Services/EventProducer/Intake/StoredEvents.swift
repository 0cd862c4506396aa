import Basics
import CausewayProducer
import EventModel
import Logging

/// The stored events of a request that share a trace, or have no trace. Logged as one line with the events' ids, to follow the trace.
struct StoredEvents {
    private let trace: TraceParent?
    private let first: Cursor
    private var last: Cursor
    private var count = 1

    /// Logs a line for each trace among a request's events, and one for events without a trace.
    ///
    /// - Parameter stored: the stored events, in order.
    static func log(_ events: [Event], _ stored: [PublishedEvent], to logger: Logger) {
        guard logger.logLevel <= .info else { return }
        for part in parts(events, stored) {
            var metadata: Logger.Metadata = [
                LogKey.events: "\(part.count)", LogKey.firstEventID: "\(part.first.text)", LogKey.lastEventID: "\(part.last.text)",
            ]
            if let trace = part.trace { metadata[LogKey.traceID] = "\(trace.traceID)" }
            logger.info("events stored", metadata: metadata)
        }
    }

    private static func parts(_ events: [Event], _ stored: [PublishedEvent]) -> [StoredEvents] {
        var parts: [StoredEvents] = []
        var places: [TraceParent?: Int] = [:]
        for (event, stored) in zip(events, stored) {
            let trace = event.traceparent.flatMap(TraceParent.init)
            if let place = places[trace] {
                parts[place].last = stored.cursor
                parts[place].count += 1
            } else {
                places[trace] = parts.count
                parts.append(StoredEvents(trace: trace, first: stored.cursor, last: stored.cursor))
            }
        }
        return parts
    }
}
