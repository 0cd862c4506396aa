/// The payload of the load's events: `{"n":<counter>,"sent":<nanoseconds>,"pad":"xxx…"}`, and what their type demands.
struct TickPayload: Sendable {
    /// Of which type the load's events are on a surface.
    enum Kind: String, Sendable {
        case tick = "load.tick"
        /// What is pushed to those who subscribed to an incident.
        case progress = "investigation.progress"

        /// Members that a payload of the type has.
        fileprivate var members: String {
            switch self {
            case .tick: ""
            case .progress: ",\"incidentId\":\"\(TickPayload.incident)\",\"agentName\":\"load\",\"message\":\"tick\""
            }
        }
    }

    /// The one incident that all of it is about.
    static let incident = "load"
    /// The least size: room for two numbers of twenty digits and what a progress must have.
    static let minimumBytes = 136

    /// How long every payload is, in bytes.
    let size: Int
    var kind = Kind.tick

    /// The payload that carries `tick`.
    func bytes(_ tick: Tick) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size)
        bytes += Array("{\"n\":\(tick.counter),\"sent\":\(tick.sent),\"pad\":\"".utf8)
        bytes += repeatElement(UInt8(ascii: "x"), count: max(0, size - bytes.count - 2 - kind.members.utf8.count))
        bytes += Array("\"\(kind.members)}".utf8)
        return bytes
    }
}
