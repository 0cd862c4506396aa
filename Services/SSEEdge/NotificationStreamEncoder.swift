import Basics
import EdgeRuntime
import EventLog
import EventModel

/// Encodes the notification stream as server-sent events. Contract §4.
struct NotificationStreamEncoder: ServerSentEventEncoder {
    var name: String { "notification-stream" }

    func append(_ entry: LogEntry, cursor: Cursor, to bytes: inout [UInt8]) {
        NotificationStreamEncoding.appendEvent(entry.event, cursor: cursor, to: &bytes)
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
}
