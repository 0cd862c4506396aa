import CausewayProducer
import EventModel
import Logging

/// What a request has stored of one trace. Its line is where the trace is followed from: it names the events as all readers see them.
struct StoredTrace {
    private let trace: TraceParent
    private let first: Cursor
    private var last: Cursor
    private var count = 1

    /// Logs a line for each trace among the events of a request: `info` for a sampled one, else `debug`.
    ///
    /// - Parameter stored: what has become of the events, in their order.
    static func log(_ events: [Event], _ stored: [PublishedEvent], to logger: Logger) {
        for trace in traces(events, stored) {
            logger.log(
                level: trace.trace.isSampled ? .info : .debug,
                "events stored",
                metadata: [
                    TraceParent.logKey: "\(trace.trace.traceID)", "events": "\(trace.count)", "event.id.first": "\(trace.first.text)",
                    "event.id.last": "\(trace.last.text)",
                ]
            )
        }
    }

    private static func traces(_ events: [Event], _ stored: [PublishedEvent]) -> [StoredTrace] {
        guard events.contains(where: { $0.traceparent != nil }) else { return [] }
        var traces: [StoredTrace] = []
        var places: [TraceParent: Int] = [:]
        for (event, stored) in zip(events, stored) {
            guard let trace = event.traceparent.flatMap(TraceParent.init) else { continue }
            if let place = places[trace] {
                traces[place].last = stored.cursor
                traces[place].count += 1
            } else {
                places[trace] = traces.count
                traces.append(StoredTrace(trace: trace, first: stored.cursor, last: stored.cursor))
            }
        }
        return traces
    }
}
