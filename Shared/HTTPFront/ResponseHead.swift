public import HTTPTypes

/// Encodes the response head of a stream. Delivery loops write streams past NIO's encoder, so that connections share the same bytes: no
/// chunking, no length; the body ends with the connection (RFC 9112 §6.3).
public enum ResponseHead {
    /// Encodes `HTTP/1.1 <status>` and the fields. `HTTPField` excludes line ends from field values.
    public static func bytes(status: HTTPResponse.Status, fields: HTTPFields) -> [UInt8] {
        var bytes: [UInt8] = Array("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n".utf8)
        for field in fields {
            bytes += Array("\(field.name.rawName): ".utf8)
            bytes += Array(field.value.utf8)
            bytes += Array("\r\n".utf8)
        }
        bytes += Array("\r\n".utf8)
        return bytes
    }
}
