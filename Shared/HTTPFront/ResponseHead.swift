public import HTTPTypes

/// The head of a stream's response as bytes. Streams are written by delivery loops, past NIO's encoder, so that the same
/// bytes serve everybody: no chunking, no length; the body ends with the connection (RFC 9112 §6.3).
public enum ResponseHead {
    /// `HTTP/1.1 <status>` and the fields. Field values cannot contain line ends: `HTTPField` does not hold such.
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
