import Basics

/// Encodes the blocks of the notification stream: server-sent events (contract §4; WHATWG HTML §9.2).
///
/// A block ends with its empty line and is one event to every client, however packets split it. An event's content cannot
/// break a block: type and cursor are ASCII without line ends, and in the one line of data every CR and LF of the payload, which valid
/// JSON has only between tokens, is replaced by a space.
public enum NotificationStreamEncoding {
    /// Appends an event: `data` is the payload's members, unchanged, between `type` and `timestamp`.
    public static func appendEvent(_ event: Event, cursor: Cursor, to out: inout [UInt8]) {
        out.reserve(more: event.payload.bytes.count + 2 * event.type.name.utf8.count + 128)
        appendID(cursor, to: &out)
        out.append("event: ")
        out.append(contentsOf: event.type.name.utf8)
        out.append("\ndata: {\"type\":\"")
        out.append(contentsOf: event.type.name.utf8)
        out.append("\",")
        if !event.payload.isEmpty {
            event.payload.appendMembersOnOneLine(to: &out)
            out.append(",")
        }
        out.append("\"timestamp\":\"")
        event.time.appendISO8601(to: &out)
        out.append("\"}\n\n")
    }

    /// Appends the opening block: the reconnection delay and the cursor from which a client may resume. It dispatches no event.
    public static func appendOpening(retryMilliseconds: Int, cursor: Cursor?, to out: inout [UInt8]) {
        appendRetry(retryMilliseconds, to: &out)
        if let cursor { appendID(cursor, to: &out) }
        out.append("\n")
    }

    /// Appends a keepalive; resuming from its cursor loses nothing.
    public static func appendPing(cursor: Cursor, to out: inout [UInt8]) {
        appendID(cursor, to: &out)
        out.append("event: ping\ndata: {}\n\n")
    }

    /// Appends the notice that events are missing, with ``StreamGap/resumptionCursor`` as its id.
    public static func appendGap(_ gap: StreamGap, to out: inout [UInt8]) {
        appendID(gap.resumptionCursor, to: &out)
        out.append("event: ")
        out.append(StreamGap.type)
        out.append("\ndata: ")
        gap.appendPayload(to: &out)
        out.append("\n\n")
    }

    /// Appends the notice that the log is unreachable, or reachable again. It has no id, so the client's cursor does not change.
    public static func appendStanding(_ standing: LogStanding, to out: inout [UInt8]) {
        out.append("event: ")
        out.append(standing.type)
        out.append("\ndata: ")
        standing.appendPayload(to: &out)
        out.append("\n\n")
    }

    /// Appends the last block of a stream. It has no id, so the client's cursor does not change.
    ///
    /// - Parameters:
    ///   - reason: a lower-case word from the table of endings; needs no escaping.
    ///   - retryMilliseconds: the reconnection delay, if it differs from the opening block's.
    public static func appendEnd(reason: String, retryMilliseconds: Int? = nil, to out: inout [UInt8]) {
        if let retryMilliseconds { appendRetry(retryMilliseconds, to: &out) }
        out.append("event: stream.end\ndata: {\"reason\":\"")
        out.append(contentsOf: reason.utf8)
        out.append("\"}\n\n")
    }

    private static func appendID(_ cursor: Cursor, to out: inout [UInt8]) {
        out.append("id: ")
        cursor.append(to: &out)
        out.append("\n")
    }

    /// Clients ignore a `retry` that is not all digits, so a negative delay becomes 0.
    private static func appendRetry(_ milliseconds: Int, to out: inout [UInt8]) {
        out.append("retry: ")
        out.appendDecimal(max(milliseconds, 0))
        out.append("\n")
    }
}
