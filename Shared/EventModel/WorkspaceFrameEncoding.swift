public import Basics

/// Encodes the frames of the workspace stream as JSON text; the edge wraps it in a WebSocket frame (contract §5).
///
/// A frame has the members `type`, `payload` and `ts`, in that order, and with the extension `last_event_id` a fourth, `id`.
public enum WorkspaceFrameEncoding {
    /// Appends an event; the payload is the bytes as received.
    ///
    /// - Parameter id: the event's cursor for a client that asked for ids, nil for one that did not.
    public static func appendEvent(_ event: Event, id: Cursor?, to out: inout [UInt8]) {
        out.reserve(more: event.payload.bytes.count + event.type.name.utf8.count + 128)
        out.append("{\"type\":\"")
        out.append(contentsOf: event.type.name.utf8)
        out.append("\",\"payload\":")
        out.append(contentsOf: event.payload.bytes)
        appendEnd(time: event.time, id: id, to: &out)
    }

    /// Appends the first frame of a connection.
    public static func appendConnected(workspace: Tenant, user: UserID?, time: Timestamp, to out: inout [UInt8]) {
        out.append("{\"type\":\"connected\",\"payload\":{\"workspace_id\":")
        JSONString.append(workspace.text, to: &out)
        out.append(",\"user_id\":")
        JSONString.append(user?.text ?? "", to: &out)
        out.append("}")
        appendEnd(time: time, id: nil, to: &out)
    }

    /// Appends a keepalive.
    ///
    /// - Parameters:
    ///   - isLive: whether the stream follows the log; false while it is unreachable (contract §3).
    ///   - id: a cursor from which resuming loses nothing, for a client that asked for ids.
    public static func appendHeartbeat(time: Timestamp, isLive: Bool, id: Cursor?, to out: inout [UInt8]) {
        out.append("{\"type\":\"heartbeat\",\"payload\":{\"ok\":")
        out.append(isLive ? "true}" : "false}")
        appendEnd(time: time, id: id, to: &out)
    }

    /// Appends the answer to a client that has renewed its token (contract §13); `expiry` is the new token's.
    public static func appendAuthenticated(until expiry: Timestamp, time: Timestamp, to out: inout [UInt8]) {
        out.append("{\"type\":\"authenticated\",\"payload\":{\"expires_at\":\"")
        expiry.appendISO8601(to: &out)
        out.append("\"}")
        appendEnd(time: time, id: nil, to: &out)
    }

    /// Appends the notice that events are missing (contract §3).
    ///
    /// - Parameter includesID: whether the client asked for ids; it then gets ``StreamGap/resumptionCursor``.
    public static func appendGap(_ gap: StreamGap, time: Timestamp, includesID: Bool, to out: inout [UInt8]) {
        out.append("{\"type\":\"")
        out.append(StreamGap.type)
        out.append("\",\"payload\":")
        gap.appendPayload(to: &out)
        appendEnd(time: time, id: includesID ? gap.resumptionCursor : nil, to: &out)
    }

    private static func appendEnd(time: Timestamp, id: Cursor?, to out: inout [UInt8]) {
        out.append(",\"ts\":\"")
        time.appendISO8601(to: &out)
        if let id {
            out.append("\",\"id\":\"")
            id.append(to: &out)
        }
        out.append("\"}")
    }
}
