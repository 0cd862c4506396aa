/// The payload of the load's events: `{"n":<counter>,"sent":<nanoseconds>,"pad":"xxx…"}`, and the required members of their type.
struct TickPayload: Sendable {
    /// The type of the load's events on a surface.
    enum Kind: String, Sendable {
        case tick = "load.tick"
        /// Pushed to subscribers of an incident.
        case progress = "investigation.progress"

        /// The required members of the type.
        fileprivate var members: String {
            switch self {
            case .tick: ""
            case .progress: ",\"incidentId\":\"\(TickPayload.incident)\",\"agentName\":\"load\",\"message\":\"tick\""
            }
        }
    }

    /// The id of the only incident.
    static let incident = "load"
    /// Minimum size in bytes: two numbers of twenty digits and the required members of a progress event.
    static let minimumBytes = 136

    /// Size of every payload, in bytes.
    let size: Int
    var kind = Kind.tick

    /// Returns the payload with `tick`.
    func bytes(_ tick: Tick) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        bytes += Array("{\"n\":\(tick.counter),\"sent\":\(tick.sent),\"pad\":\"".utf8)
        bytes += repeatElement(UInt8(ascii: "x"), count: max(0, size - bytes.count - 2 - kind.members.utf8.count))
        bytes += Array("\"\(kind.members)}".utf8)
        return bytes
    }
}
