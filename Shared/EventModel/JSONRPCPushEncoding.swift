import Basics

/// Encodes the relay's pushes as JSON-RPC 2.0 notifications (contract §6).
public enum JSONRPCPushEncoding {
    /// Appends an event: `params` is the payload's members, unchanged, followed by `timestamp` and, for a client that asked for ids, `id`.
    ///
    /// A payload with its own member `id` keeps it and gets no second one: the names in an object must be unique. The
    /// client then resumes from the event before and sees this one twice rather than not at all.
    ///
    /// - Parameter id: the event's cursor, or nil for a client that did not ask for ids.
    public static func appendEvent(_ event: Event, id: Cursor?, to out: inout [UInt8]) {
        out.reserve(more: event.payload.bytes.count + event.type.name.utf8.count + 160)
        out.append("{\"jsonrpc\":\"2.0\",\"method\":\"")
        out.append(contentsOf: event.type.name.utf8)
        out.append("\",\"params\":{")
        if !event.payload.isEmpty {
            event.payload.appendMembers(to: &out)
            out.append(",")
        }
        out.append("\"timestamp\":\"")
        event.time.appendISO8601(to: &out)
        if let id, !event.payload.contains("id") {
            out.append("\",\"id\":\"")
            id.append(to: &out)
        }
        out.append("\"}}")
    }

    /// Appends the notice that the log is unreachable, or reachable again.
    public static func appendStanding(_ standing: LogStanding, to out: inout [UInt8]) {
        out.append("{\"jsonrpc\":\"2.0\",\"method\":\"")
        out.append(standing.type)
        out.append("\",\"params\":")
        standing.appendPayload(to: &out)
        out.append("}")
    }

    /// Appends the notice that events are missing (contract §3), with ``StreamGap/resumptionCursor`` as its `id`. Only a client that
    /// resumed can miss any, and it asked for ids.
    public static func appendGap(_ gap: StreamGap, to out: inout [UInt8]) {
        out.append("{\"jsonrpc\":\"2.0\",\"method\":\"")
        out.append(StreamGap.type)
        out.append("\",\"params\":{")
        gap.appendMembers(to: &out)
        out.append(",\"id\":\"")
        gap.resumptionCursor.append(to: &out)
        out.append("\"}}")
    }
}
