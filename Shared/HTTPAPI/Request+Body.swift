public import Hummingbird
public import NIOCore

extension Request {
    /// The whole body.
    ///
    /// A declared length is believed when it is too large, so that nothing of such a body is read.
    /// - Throws: `payload_too_large` beyond `maximumBytes`; otherwise what the connection throws.
    public func readBody(upTo maximumBytes: Int) async throws -> ByteBuffer {
        // The decoder has let digits pass and nothing else; a number that no Int holds is larger than any limit.
        if let declared = headers[.contentLength], Int(declared).map({ $0 > maximumBytes }) ?? true {
            throw APIError.payloadTooLarge(maximumBytes: maximumBytes)
        }
        do {
            return try await body.collect(upTo: maximumBytes)
        } catch is NIOTooManyBytesError {
            throw APIError.payloadTooLarge(maximumBytes: maximumBytes)
        }
    }

    /// Checks what the body is said to be, and says which of `accepted` it is: lower-case media types without parameters.
    ///
    /// A `charset` must be UTF-8, which is the only one JSON knows (RFC 8259 §8.1); other parameters do not matter.
    /// - Parameter assumed: what a body without `Content-Type` is taken for (RFC 9110 §8.3 permits to assume); nil refuses it.
    /// - Throws: `unsupported_media_type`.
    @discardableResult
    public func requireContentType(anyOf accepted: [String], assuming assumed: String? = nil) throws(APIError) -> String {
        let fields = headers[values: .contentType]
        if fields.isEmpty, let assumed { return assumed }
        guard fields.count == 1, let type = ContentType(fields[0]), accepted.contains(type.mediaType), type.isUTF8 else {
            throw .unsupportedMediaType(accepted: accepted)
        }
        return type.mediaType
    }
}

/// As much of a `Content-Type` as matters here (RFC 9110 §8.3.1).
struct ContentType {
    /// In lower case, without parameters.
    let mediaType: String
    /// Whether it says UTF-8, or nothing about the encoding.
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
