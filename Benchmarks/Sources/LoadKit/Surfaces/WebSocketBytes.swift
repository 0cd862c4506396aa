/// Encodes the common bytes of WebSocket surfaces (RFC 6455).
enum WebSocketBytes {
    /// Returns the bare loop's 101 response and a first message.
    static func greeting(_ message: String) -> [UInt8] {
        let head = [
            "HTTP/1.1 101 Switching Protocols", "upgrade: websocket", "connection: Upgrade",
            "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + self.message(Array(message.utf8))
    }

    /// Returns a handshake.
    /// - Parameter fields: more header fields, each ending in CR LF.
    static func request(target: String, host: String, token: String, fields: String) -> [UInt8] {
        let lines = [
            "GET \(target) HTTP/1.1", "host: \(host)", "authorization: Bearer \(token)", "upgrade: websocket", "connection: Upgrade",
            "sec-websocket-version: 13", "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", fields,
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n").utf8)
    }

    /// Returns a text message of a server.
    static func message(_ text: [UInt8]) -> [UInt8] { self.header(text.count) + text }

    /// Returns a short text message of a client: masked, and without zero bytes, because the bare loop takes a zero for the end.
    static func clientMessage(_ text: [UInt8]) -> [UInt8] {
        var header = self.header(text.count)
        header[1] |= 0x80
        return header + [1, 1, 1, 1] + text.map { $0 ^ 1 }
    }

    private static func header(_ length: Int) -> [UInt8] {
        switch length {
        case 0..<126: [0x81, UInt8(length)]
        case 126...Int(UInt16.max): [0x81, 126, UInt8(length >> 8), UInt8(truncatingIfNeeded: length)]
        default: [0x81, 127] + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
        }
    }
}
