/// Encodes the load's HTTP/1.1 requests.
enum HTTPRequest {
    /// Returns a request without token and body.
    static func get(_ target: String) -> [UInt8] { Array("GET \(target) HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".utf8) }

    /// Returns a request with a JSON body.
    static func post(_ target: String, token: String, body: [UInt8]) -> [UInt8] {
        let lines = [
            "POST \(target) HTTP/1.1", "host: 127.0.0.1", "authorization: Bearer \(token)", "content-type: application/json",
            "content-length: \(body.count)",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }
}
