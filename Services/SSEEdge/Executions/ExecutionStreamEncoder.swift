import Basics
import EdgeRuntime
import EventLog
import EventModel

/// Encodes an execution stream: server-sent events whose ids are the execution's event numbers. Contract §9.
struct ExecutionStreamEncoder: ServerSentEventEncoder {
    let interval: Duration

    var name: String { "execution-stream" }
    var heartbeatInterval: Duration? { self.interval }

    /// Writes nothing for an entry without an execution, because it has no event number.
    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        guard let place = entry.execution else { return }
        ExecutionStreamEncoding.appendEvent(number: place.number, type: entry.event.type, payload: entry.event.payload, to: &bytes)
    }

    func opening(_ opening: Opening) -> [UInt8] {
        var bytes = opening.head
        ExecutionStreamEncoding.appendOpening(retryMilliseconds: Int(clamping: opening.retry.milliseconds), to: &bytes)
        return bytes
    }

    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        ExecutionStreamEncoding.appendHeartbeat(to: &bytes)
        return bytes
    }

    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] {
        var bytes: [UInt8] = []
        ExecutionStreamEncoding.appendGap(gap, to: &bytes)
        return bytes
    }
}
