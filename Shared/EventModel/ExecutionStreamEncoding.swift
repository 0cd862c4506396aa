public import Basics

/// Encodes the blocks of an execution stream: server-sent events (contract §9; WHATWG HTML §9.2).
///
/// The ids are the events' numbers, and `data` is the payload as published; CR and LF, which valid JSON has only
/// between tokens, become spaces, so that it is one line.
public enum ExecutionStreamEncoding {
    /// Appends an event.
    public static func appendEvent(number: ExecutionNumber, type: EventType, payload: Payload, to out: inout [UInt8]) {
        out.reserve(more: payload.bytes.count + type.name.utf8.count + 48)
        out.append("id: ")
        out.append(contentsOf: String(number.value).utf8)
        out.append("\nevent: ")
        out.append(contentsOf: type.name.utf8)
        out.append("\ndata: {")
        payload.appendMembersOnOneLine(to: &out)
        out.append("}\n\n")
    }

    /// Appends the reconnection delay that opens a stream. It dispatches no event.
    public static func appendOpening(retryMilliseconds: Int, to out: inout [UInt8]) {
        out.append("retry: ")
        out.appendDecimal(max(retryMilliseconds, 0))
        out.append("\n\n")
    }

    /// Appends the comment that keeps proxies from closing a quiet stream.
    public static func appendHeartbeat(to out: inout [UInt8]) {
        out.append(": heartbeat\n\n")
    }

    /// Appends the notice that events are missing. It has no id: the client's own stays a number.
    public static func appendGap(_ gap: StreamGap, to out: inout [UInt8]) {
        out.append("event: ")
        out.append(StreamGap.type)
        switch gap {
        case .expired: out.append("\ndata: {\"reason\":\"expired\"}\n\n")
        case .unknownCursor: out.append("\ndata: {\"reason\":\"unknown_cursor\"}\n\n")
        }
    }
}
