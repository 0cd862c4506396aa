import Basics
import EdgeRuntime
import EventModel

/// The notification stream's way of writing: server-sent events. Contract §4.
struct NotificationStreamEncoder: StreamEncoder {
    var name: String { "notification-stream" }

    func appendEvent(_ event: Event, cursor: Cursor, to bytes: inout [UInt8]) {
        NotificationStreamEncoding.appendEvent(event, cursor: cursor, to: &bytes)
    }

    func opening(_ opening: Opening) -> [UInt8] {
        var bytes = opening.head
        NotificationStreamEncoding.appendOpening(
            retryMilliseconds: Int(clamping: opening.retry.milliseconds),
            cursor: opening.cursor,
            to: &bytes
        )
        return bytes
    }

    func heartbeat(cursor: Cursor, time: Timestamp, isLive: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        NotificationStreamEncoding.appendPing(cursor: cursor, to: &bytes)
        return bytes
    }

    func gap(_ gap: StreamGap, time: Timestamp) -> [UInt8] {
        var bytes: [UInt8] = []
        NotificationStreamEncoding.appendGap(gap, to: &bytes)
        return bytes
    }

    func standing(_ standing: LogStanding) -> [UInt8] {
        var bytes: [UInt8] = []
        NotificationStreamEncoding.appendStanding(standing, to: &bytes)
        return bytes
    }

    func farewell(_ ending: Ending, retry: Duration?) -> [UInt8] {
        guard ending.kind.isSaidOnSSE else { return [] }
        var bytes: [UInt8] = []
        NotificationStreamEncoding.appendEnd(
            reason: ending.kind.rawValue,
            retryMilliseconds: retry.map { Int(clamping: $0.milliseconds) },
            to: &bytes
        )
        return bytes
    }
}
