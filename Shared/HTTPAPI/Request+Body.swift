import Basics
public import EventModel
public import HTTPTypes
public import Hummingbird
public import NIOCore

extension Request {
    /// Reads the whole body.
    ///
    /// A declared length above the limit is refused before reading.
    /// - Throws: `payload_too_large` beyond `maximumBytes`; errors of the connection.
    public func readBody(upTo maximumBytes: Int) async throws -> ByteBuffer {
        // The decoder admits only digits; a number that overflows Int exceeds any limit.
        if let declared = headers[.contentLength], Int(declared).map({ $0 > maximumBytes }) ?? true {
            throw APIError.payloadTooLarge(maximumBytes: maximumBytes)
        }
        do {
            return try await body.collect(upTo: maximumBytes)
        } catch is NIOTooManyBytesError {
            throw APIError.payloadTooLarge(maximumBytes: maximumBytes)
        }
    }

    /// Reads a body that is one JSON object.
    ///
    /// - Throws: `payload_too_large`; `unsupported_media_type` for a type other than `application/json`; a ``ValidationError``.
    public func readObject(upTo maximumBytes: Int) async throws -> Payload {
        try requireContentType(anyOf: ["application/json"], assuming: "application/json")
        let body = try await readBody(upTo: maximumBytes)
        // `type` and `timestamp` are reserved in payloads of events only.
        return try Payload(validating: Array(body.readableBytesView), field: "body", allowsStreamMembers: true)
    }

    /// Reads the body of a request that says nothing: an empty one, or `{}`.
    ///
    /// - Throws: as ``readObject(upTo:)``, and for an object with members.
    public func readNothing() async throws {
        let body = try await readBody(upTo: 1024)
        guard body.readableBytes > 0 else { return }
        try requireContentType(anyOf: ["application/json"], assuming: "application/json")
        let object = try Payload(validating: Array(body.readableBytesView), field: "body", allowsStreamMembers: true)
        try object.checkMembers([], of: "this request", advice: "send no body, or {}")
    }

    /// See ``HTTPTypes/HTTPFields/requireContentType(anyOf:assuming:)``.
    @discardableResult
    public func requireContentType(anyOf accepted: [String], assuming assumed: String? = nil) throws(APIError) -> String {
        try headers.requireContentType(anyOf: accepted, assuming: assumed)
    }
}

extension HTTPFields {
    /// Checks the body's content type, and returns which of `accepted` it is: lower-case media types without parameters.
    ///
    /// A `charset` must be UTF-8 (RFC 8259 §8.1); other parameters are ignored.
    /// - Parameter assumed: the type of a body without `Content-Type` (RFC 9110 §8.3 permits that); nil refuses it.
    /// - Throws: `unsupported_media_type`.
    public func requireContentType(anyOf accepted: [String], assuming assumed: String? = nil) throws(APIError) -> String {
        let fields = self[values: .contentType]
        if fields.isEmpty, let assumed { return assumed }
        // Nearly every client sends the type without parameters.
        if fields.count == 1, accepted.contains(fields[0]) { return fields[0] }
        guard fields.count == 1, let type = ContentType(fields[0]), accepted.contains(type.mediaType), type.isUTF8 else {
            throw .unsupportedMediaType(accepted: accepted)
        }
        return type.mediaType
    }
}

/// The relevant parts of a `Content-Type` (RFC 9110 §8.3.1).
struct ContentType {
    /// In lower case, without parameters.
    let mediaType: String
    /// Whether the charset is UTF-8 or absent.
    let isUTF8: Bool

    init?(_ field: String) {
        let parts = field.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmed().lowercased() }
        guard let mediaType = parts.first, mediaType.contains("/") else { return nil }
        self.mediaType = mediaType
        let charset = parts.dropFirst().first { $0.hasPrefix("charset=") }?.dropFirst("charset=".count)
        isUTF8 = charset == nil || charset == "utf-8" || charset == "\"utf-8\""
    }
}

extension Substring {
    fileprivate func trimmed() -> Substring {
        let end = lastIndex { $0 != " " && $0 != "\t" }.map(index(after:)) ?? startIndex
        return self[..<end].drop { $0 == " " || $0 == "\t" }
    }
}
