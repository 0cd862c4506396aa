/// A surface as the load uses it: the handshake, the sign of an open stream, and the bytes of an event.
///
/// Counting does not depend on the surface: see ``DeliveryScanner``. To add a WebSocket surface, add a type like ``NotificationSurface``.
protocol Surface: Sendable {
    /// The name for `--surface`.
    static var name: String { get }
    /// The roles in its clients' tokens.
    var roles: [String] { get }
    /// The type of its events.
    var kind: TickPayload.Kind { get }
    /// The HTTP status of an accepted handshake.
    var acceptedStatus: Int { get }
    /// Bytes of the first block or frame after the head, which show that the stream is open.
    var openedMarker: [UInt8] { get }

    /// Bytes of the last message of a stream whose token was revoked; they are in no other message of the load.
    var revokedMarker: [UInt8] { get }

    /// Returns the handshake.
    /// - Parameter fields: more header fields, each ending in CR LF.
    func request(host: String, tenant: String, token: String, fields: String) -> [UInt8]
    /// The bare loop's answer: the head and a first block or frame, as an edge sends them.
    var greeting: [UInt8] { get }
    /// Returns the bare loop's bytes for an event, with exactly the length of an edge's.
    /// - Parameter payload: a JSON object with at least one member.
    func delivery(of payload: [UInt8]) -> [UInt8]
}

/// All surfaces of the load tool.
enum Surfaces {
    /// Returns the surface with a name.
    static func named(_ name: String) throws(LoadError) -> any Surface {
        let all: [any Surface] = [NotificationSurface(), WorkspaceSurface(), RelaySurface()]
        guard let surface = all.first(where: { type(of: $0).name == name }) else {
            let names = all.map { type(of: $0).name }.joined(separator: ", ")
            throw LoadError("There is no surface \"\(name)\"; --surface takes one of: \(names).")
        }
        return surface
    }
}
