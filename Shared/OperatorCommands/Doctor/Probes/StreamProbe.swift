import HTTPTypes
import NIOCore

/// Opens the notification stream and watches it.
struct StreamProbe: Sendable {
    /// Time limit from the head to a stream's opening bytes; services send both together.
    static let promptness: Duration = .seconds(3)

    let dialer: Dialer
    let request: ProbeRequest

    /// How long to watch.
    enum Extent: Sendable {
        /// Until the opening has arrived, with a gap if any.
        case opening
        /// For this time, unless the stream ends before.
        case lasting(Duration)
    }

    /// Runs the probe.
    ///
    /// - Throws: `CancellationError`.
    func look(_ extent: Extent) async throws -> StreamObservation {
        let exchange = try await Exchange.begin(request, over: dialer)
        defer { exchange.close() }
        guard exchange.attempt.isEventStream else { return StreamObservation(attempt: try await exchange.withBody()) }
        var seen = StreamObservation(attempt: exchange.attempt)
        var reader = EventStreamReader()
        var lastBytes = exchange.headAt
        let deadline = exchange.headAt + (extent.duration.map { TimeAmount($0) } ?? TimeAmount(Self.promptness))
        while true {
            switch try await exchange.next(until: deadline) {
            case .nothing: return seen
            case .closed(let isAbrupt, let at):
                seen.ending = .closed(silence: Duration(at - lastBytes), abrupt: isAbrupt)
                return seen
            case .bytes(let bytes, let at):
                lastBytes = at
                if seen.opening == nil { seen.opening = Duration(at - exchange.headAt) }
                seen.note(reader.take(bytes))
            }
            // A gap is sent before anything else, so nothing more is to come.
            if extent.duration == nil, seen.gap != nil || seen.goodbye != nil { return seen }
        }
    }
}

extension StreamProbe.Extent {
    /// Nil to watch the opening only.
    fileprivate var duration: Duration? {
        if case .lasting(let duration) = self { duration } else { nil }
    }
}

extension StreamObservation {
    /// Records blocks that arrived in one read.
    mutating func note(_ blocks: [EventStreamReader.Block]) {
        isUnderstood = isUnderstood || !blocks.isEmpty
        let pings = blocks.count { $0.event == "ping" }
        self.pings += pings
        pingsAtOnce = max(pingsAtOnce, pings)
        for block in blocks {
            switch block.event {
            case "stream.gap": gap = gap ?? block.reason
            case "stream.end": goodbye = block.reason
            default: continue
            }
        }
    }
}

extension EventStreamReader.Block {
    /// The member `reason` of the data.
    fileprivate var reason: String { data.flatMap { ServerWords($0)?.reason } ?? "" }
}

extension Attempt {
    /// Whether it is a 200 with an event stream.
    var isEventStream: Bool {
        guard let answer, answer.status == 200 else { return false }
        return answer.fields[.contentType]?.lowercased().hasPrefix("text/event-stream") == true
    }
}
