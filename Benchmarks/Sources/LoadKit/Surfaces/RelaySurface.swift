/// The relay: JSON-RPC notifications in WebSocket frames, for clients that subscribed to an incident (contract §6).
struct RelaySurface: Surface {
    static let name = "relay"
    let roles = ["member"]
    let kind = TickPayload.Kind.progress
    let acceptedStatus = 101
    let openedMarker = Array("\"subscriptionId\"".utf8)
    let revokedMarker = Array("-32001".utf8)

    /// Returns the handshake, followed by the subscription.
    func request(host: String, tenant: String, token: String, fields: String) -> [UInt8] {
        let subscribe = #"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"\#(TickPayload.incident)"}}"#
        return WebSocketBytes.request(target: "/v1/connect", host: host, token: token, fields: fields)
            + WebSocketBytes.clientMessage(Array(subscribe.utf8))
    }

    var greeting: [UInt8] {
        WebSocketBytes.greeting(
            #"{"jsonrpc":"2.0","result":{"subscriptionId":"sub_01HX9VTPQR3KF8MZWBYD5N6JCE","incidentId":"load"},"id":1}"#
        )
    }

    func delivery(of payload: [UInt8]) -> [UInt8] {
        var text = Array("{\"jsonrpc\":\"2.0\",\"method\":\"\(self.kind.rawValue)\",\"params\":{".utf8)
        text += payload.dropFirst().dropLast()
        return WebSocketBytes.message(text + Array(",\"timestamp\":\"2024-04-01T14:32:10.000Z\"}}".utf8))
    }
}
