import FoundationEssentials
public import HTTPTypes
public import Hummingbird
public import NIOCore

extension Response {
    /// Creates a response with `value` as JSON and the content type `application/json`. Slashes are not escaped.
    /// - Parameter headers: other header fields; the content type is always set.
    /// - Throws: encoding errors of `value`.
    public static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) throws -> Response {
        json(encoded: try encoded(value), status: status, headers: headers)
    }

    /// Encodes `value` as JSON.
    package static func encoded(_ value: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(value))
    }

    /// Creates a response with an encoded JSON body.
    public static func json(encoded body: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
