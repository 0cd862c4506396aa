import Basics
import EdgeRuntime
import EventModel

/// The execution stream's way of writing: server-sent events whose ids are the events' numbers. Contract §9.
struct ExecutionStreamEncoder: ServerSentEventEncoder {
    let reference: ExecutionReference
    let interval: Duration

    var name: String { "execution-stream:\(self.reference.subject)" }
    var execution: ExecutionReference? { self.reference }
    var heartbeatInterval: Duration? { self.interval }

    func appendExecutionEvent(_ event: Event, at place: ExecutionPlace, to bytes: inout [UInt8]) {
        ExecutionStreamEncoding.appendEvent(number: place.number, type: event.type, payload: event.payload, to: &bytes)
    }

    /// Tenants' events are none of its own.
    func appendEvent(_ event: Event, cursor: Cursor, to bytes: inout [UInt8]) {}

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
