/// One way out of the log, as far as a load must know it: how a client opens it, when it is open, and what an event looks like.
///
/// Counting needs nothing from it: see ``DeliveryScanner``. A WebSocket surface is one more type like ``NotificationSurface``.
protocol Surface: Sendable {
    /// The name by which `--surface` chooses it.
    static var name: String { get }
    /// The roles that its clients' tokens need.
    var roles: [String] { get }
    /// What its events are.
    var kind: TickPayload.Kind { get }
    /// The HTTP status of an accepted handshake.
    var acceptedStatus: Int { get }
    /// Bytes of the first block or frame after the head, which tell that the stream stands.
    var openedMarker: [UInt8] { get }

    /// The handshake's request.
    /// - Parameter fields: more header fields, each ending in CR LF.
    func request(host: String, tenant: String, token: String, fields: String) -> [UInt8]
    /// What the bare loop answers: a head and a first block or frame as an edge's.
    var greeting: [UInt8] { get }
    /// What the bare loop sends for an event: byte for byte as long as what an edge sends.
    /// - Parameter payload: a JSON object with at least one member.
    func delivery(of payload: [UInt8]) -> [UInt8]
}

/// All surfaces that can be loaded.
enum Surfaces {
    /// The surface with that name.
    static func named(_ name: String) throws(LoadError) -> any Surface {
        let all: [any Surface] = [NotificationSurface(), WorkspaceSurface(), RelaySurface()]
        guard let surface = all.first(where: { type(of: $0).name == name }) else {
            let names = all.map { type(of: $0).name }.joined(separator: ", ")
            throw LoadError("There is no surface \"\(name)\"; --surface takes one of: \(names).")
        }
        return surface
    }
}
