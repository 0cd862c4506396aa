/// The workspace stream: envelopes in WebSocket frames (contract §5).
struct WorkspaceSurface: Surface {
    static let name = "workspace"
    let roles = ["member"]
    let kind = TickPayload.Kind.tick
    let acceptedStatus = 101
    let openedMarker = Array("\"type\":\"connected\"".utf8)
    /// The close code 4401, in network byte order; JSON has no control characters.
    let revokedMarker: [UInt8] = [0x11, 0x31]

    func request(host: String, tenant: String, token: String, fields: String) -> [UInt8] {
        WebSocketBytes.request(target: "/v1/stream?workspace=\(tenant)", host: host, token: token, fields: fields)
    }

    var greeting: [UInt8] {
        WebSocketBytes.greeting(#"{"type":"connected","payload":{"workspace_id":"load","user_id":"load"},"ts":"2024-04-01T14:32:10.000Z"}"#)
    }

    func delivery(of payload: [UInt8]) -> [UInt8] {
        let start = Array("{\"type\":\"\(self.kind.rawValue)\",\"payload\":".utf8)
        return WebSocketBytes.message(start + payload + Array(",\"ts\":\"2024-04-01T14:32:10.000Z\"}".utf8))
    }
}
