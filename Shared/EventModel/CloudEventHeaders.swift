import Basics

/// Encodes and decodes CloudEvents attributes in headers, for binary mode over HTTP and NATS
/// (CloudEvents HTTP protocol binding 1.0.2, §3.1.3).
package enum CloudEventHeaders {
    /// Decodes the attributes into an event without payload.
    static func rawEvent(_ fields: AttributeFields) throws(ValidationError) -> RawEvent {
        func attribute(_ name: String) throws(ValidationError) -> String? {
            guard let value = fields[name] else { return nil }
            guard let text = decode(value) else {
                throw ValidationError(field: name, message: "must be UTF-8 after percent-decoding")
            }
            return text
        }
        let names = EventFieldNames.headers
        if let version = fields["ce-specversion"] { try checkVersion(version) }
        try checkContentType(attribute("ce-datacontenttype"), field: "ce-datacontenttype")
        return RawEvent(
            type: try attribute(names.type),
            tenant: try attribute(names.tenant),
            user: try attribute(names.user),
            id: try attribute(names.id),
            time: try attribute(names.time),
            source: try attribute(names.source),
            traceparent: fields["ce-traceparent"] ?? fields["traceparent"]
        )
    }

    /// Throws unless the data is JSON: its type ends in `/json` or `+json`, or is absent.
    static func checkContentType(_ contentType: String?, field: String) throws(ValidationError) {
        guard let contentType else { return }
        let mediaType = contentType.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard mediaType.hasSuffix("/json") || mediaType.hasSuffix("+json") else {
            throw ValidationError(field: field, message: "must be application/json")
        }
    }

    static func checkVersion(_ version: String, field: String = "ce-specversion") throws(ValidationError) {
        guard version == "1.0" else {
            throw ValidationError(field: field, message: "must be 1.0, the CloudEvents version that is understood here")
        }
    }

    /// Percent-encodes a header value, so that it cannot inject another header: all but visible ASCII without `"` and `%`
    /// (§3.1.3.2).
    package static func encode(_ value: String) -> String {
        func isPlain(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "%") }
        return PercentEncoding.encode(value, isPlain: isPlain)
    }

    /// Decodes one round of quoting and percent-encoding. A `%` without two digits after it is literal, since producers
    /// that do not know the rule send such values. Nil when the result is not UTF-8.
    static func decode(_ value: String) -> String? {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "\"") }) else { return value }
        let bytes = PercentEncoding.leniently(unquoted(Array(value.utf8)), plusIsSpace: false)
        return String(validating: bytes, as: UTF8.self)
    }

    /// Returns the content of a quoted string (RFC 9110 §5.6.4), or the value unchanged.
    private static func unquoted(_ value: [UInt8]) -> [UInt8] {
        let quote = UInt8(ascii: "\"")
        guard value.count >= 2, value.first == quote, value.last == quote else { return value }
        var inside: [UInt8] = []
        var isEscaped = false
        for byte in value.dropFirst().dropLast() {
            if byte == UInt8(ascii: "\\"), !isEscaped {
                isEscaped = true
                continue
            }
            inside.append(byte)
            isEscaped = false
        }
        return inside
    }
}
