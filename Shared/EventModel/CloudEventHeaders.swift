import Basics

/// CloudEvents attributes in headers: what HTTP's binary mode and ours on the bus have in common
/// (CloudEvents HTTP protocol binding 1.0.2, §3.1.3).
package enum CloudEventHeaders {
    /// What the attributes among some headers say, decoded; the payload is left out.
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

    /// CloudEvents data is JSON when its type ends in `/json` or `+json`, or is not given at all.
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

    /// A value that cannot end its header or start another: only visible ASCII stands for itself, and of that neither `"` nor `%`
    /// (§3.1.3.2).
    package static func encode(_ value: String) -> String {
        func isPlain(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "%") }
        return PercentEncoding.encode(value, isPlain: isPlain)
    }

    /// Undoes one round of quoting and percent-encoding. A `%` without two digits after it stands for itself, since producers
    /// that do not know the rule send such values. Nil when the result is not UTF-8.
    static func decode(_ value: String) -> String? {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "\"") }) else { return value }
        let bytes = PercentEncoding.leniently(unquoted(Array(value.utf8)), plusIsSpace: false)
        return String(validating: bytes, as: UTF8.self)
    }

    /// The inside of a quoted string (RFC 9110 §5.6.4), or the value as it is.
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
