public import Basics

/// Whether an open stream receives new events; its client is always notified (contract §3).
public enum LogStanding: Sendable, Hashable {
    /// The log has been unreachable since then. Events from that time follow when it is reachable again.
    case stalled(since: Timestamp)
    /// The stream follows the log again.
    case live

    /// The event type on the surfaces.
    var type: StaticString {
        switch self {
        case .stalled: "stream.stalled"
        case .live: "stream.live"
        }
    }

    /// Appends `{"since":…}` or `{}`.
    func appendPayload(to out: inout [UInt8]) {
        guard case .stalled(let since) = self else { return out.append("{}") }
        out.append("{\"since\":\"")
        since.appendISO8601(to: &out)
        out.append("\"}")
    }
}
