import Basics
import HTTPTypes
import NIOHTTP1

/// The header fields of every request to a collector, as `OTEL_EXPORTER_OTLP_HEADERS` has them: pairs `key=value`, joined by commas, with
/// percent-encoded values (OpenTelemetry, "OTLP Exporter Configuration"; W3C Baggage §3.3.1, without properties). Spaces within a value are
/// accepted too.
///
/// The values are secrets, and a malformed pair may be one as a whole: errors name its position.
enum CollectorHeaders {
    /// Fields that the request has already, or that frame it.
    private static let reserved: Set<String> = ["connection", "content-length", "content-type", "host", "transfer-encoding"]

    /// Parses the setting's value. Empty pairs are skipped; of two with one name, the last counts.
    ///
    /// - Throws: for a malformed pair.
    static func parse(_ text: String) throws(ConfigurationError) -> HTTPHeaders {
        var headers = HTTPHeaders()
        let pairs = text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        for (index, pair) in pairs.enumerated() where !trimmed(pair).isEmpty {
            guard let sign = pair.firstIndex(of: UInt8(ascii: "=")) else { throw mistake(index, "has no = between its name and its value") }
            guard let name = HTTPField.Name(String(decoding: trimmed(pair[..<sign]), as: UTF8.self)) else {
                throw mistake(index, "has a name that no header field can have")
            }
            guard !reserved.contains(name.canonicalName) else { throw mistake(index, "names a field that is part of every request") }
            guard let bytes = PercentEncoding.strictlyDecoded(trimmed(pair[pair.index(after: sign)...]), plusIsSpace: false) else {
                throw mistake(index, "has a % without two hexadecimal digits in its value: write % as %25")
            }
            let value = String(decoding: bytes, as: UTF8.self)
            guard bytes.allSatisfy({ (0x20...0x7E).contains($0) }), HTTPField.isValidValue(value) else {
                throw mistake(index, "has a value that no header field can have: use visible ASCII")
            }
            headers.replaceOrAdd(name: name.canonicalName, value: value)
        }
        return headers
    }

    private static func mistake(_ index: Int, _ problem: String) -> ConfigurationError {
        .configuration(
            "\(AnyConfigurationKey.otlpHeaders.name): pair \(index + 1) \(problem); pairs are key=value, joined by commas, with percent-encoded values"
        )
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let rest = text.drop(while: isSpace)
        return rest.lastIndex { !isSpace($0) }.map { rest[...$0] } ?? rest
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
