public import Basics

/// Whether an open stream hears what happens, which its client is always told (contract §3).
public enum LogStanding: Sendable, Hashable {
    /// The log has been out of reach since then. What happens meanwhile follows when it is back.
    case stalled(since: Timestamp)
    /// The log is followed again.
    case live

    /// The name under which the surfaces send it.
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
