/// The notification stream: server-sent events over HTTP/1.1 (contract §4).
struct NotificationSurface: Surface {
    static let name = "notifications"
    let roles = ["member"]
    let kind = TickPayload.Kind.tick
    let acceptedStatus = 200
    /// The first block has `retry` and `id`; that of a refused client has no `id`.
    let openedMarker = Array("\nid: evt_".utf8)
    let revokedMarker = Array(#"{"reason":"token_revoked"}"#.utf8)

    func request(host: String, tenant: String, token: String, fields: String) -> [UInt8] {
        let lines = [
            "GET /v1/notifications/stream HTTP/1.1", "host: \(host)", "accept: text/event-stream", "authorization: Bearer \(token)", fields,
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }

    var greeting: [UInt8] {
        let head = [
            "HTTP/1.1 200 OK", "content-type: text/event-stream; charset=utf-8", "cache-control: no-cache, no-transform",
            "x-accel-buffering: no",
        ]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\nretry: 2000\nid: \(Self.cursor)\n\n").utf8)
    }

    func delivery(of payload: [UInt8]) -> [UInt8] {
        var block = Array("id: \(Self.cursor)\nevent: \(self.kind.rawValue)\ndata: {\"type\":\"\(self.kind.rawValue)\",".utf8)
        block += payload.dropFirst().dropLast()
        block += Array(",\"timestamp\":\"2024-04-01T14:32:10.000Z\"}\n\n".utf8)
        return block
    }

    /// A cursor of the usual length.
    private static let cursor = "evt_01HX9VTPQR3KF8MZWBYD5N6JCE"
}
