import FoundationEssentials
public import HTTPTypes
public import Hummingbird
public import NIOCore

extension Response {
    /// A response whose body is `value` as JSON, with the content type exactly `application/json`. Slashes are not escaped.
    /// - Parameter headers: other header fields; the content type is set whatever they say.
    /// - Throws: what encoding `value` throws.
    public static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) throws -> Response {
        json(encoded: try encoded(value), status: status, headers: headers)
    }

    /// `value` as JSON, as it is in every body.
    package static func encoded(_ value: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(value))
    }

    /// A response whose body is JSON already.
    public static func json(encoded body: ByteBuffer, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
