import AccessControl
import Logging

/// Logs one JSON object a line, for machines:
/// `{"time":"2024-04-01T14:32:10.000Z","level":"info","logger":"sse-edge","source":"EventLog","message":"…","metadata":{"stream":"EVENTS"}}`.
///
/// Lines are bounded and free of control characters and tokens; a truncated line has `"truncated":true`.
public typealias JSONLogHandler = StructuredLogHandler<JSONLogForm>

/// The format of ``JSONLogHandler``.
public enum JSONLogForm: LogForm {
    /// Renders a line as JSON.
    public static func render(_ line: LogLine) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(256)
        out += "{\"time\":\"\(line.time)\",\"level\":\"\(line.level.rawValue)\",\"logger\":".utf8
        append(line.label, to: &out)
        out += ",\"source\":".utf8
        append(line.source, to: &out)
        out += ",\"message\":".utf8
        append(line.message, to: &out)
        var wasCut = false
        if !line.metadata.isEmpty {
            var members: [UInt8] = []
            for (key, value) in line.metadata {
                var member: [UInt8] = members.isEmpty ? [] : [UInt8(ascii: ",")]
                appendMember(key, value, depth: 1, to: &member)
                guard out.count + members.count + member.count <= LogLine.maximumLineBytes else {
                    wasCut = true
                    continue
                }
                members += member
            }
            out += ",\"metadata\":{".utf8
            out += members
            out.append(UInt8(ascii: "}"))
        }
        if wasCut { out += ",\"truncated\":true".utf8 }
        out += "}\n".utf8
        return out
    }

    private static func appendMember(_ key: String, _ value: Logger.MetadataValue, depth: Int, to out: inout [UInt8]) {
        append(LogLine.text(key), to: &out)
        out.append(UInt8(ascii: ":"))
        if LogLine.hides(key) {
            append(Redaction.mark, to: &out)
        } else {
            append(value, depth: depth, to: &out)
        }
    }

    private static func append(_ value: Logger.MetadataValue, depth: Int, to out: inout [UInt8]) {
        guard depth < LogLine.maximumDepth, out.count < LogLine.maximumLineBytes else {
            append("…", to: &out)
            return
        }
        switch value {
        case .string(let text): append(LogLine.text(text), to: &out)
        case .stringConvertible(let value): append(LogLine.text(value.description), to: &out)
        case .array(let items):
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                append(item, depth: depth + 1, to: &out)
                guard out.count < LogLine.maximumLineBytes else { break }
            }
            out.append(UInt8(ascii: "]"))
        case .dictionary(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                appendMember(member.key, member.value, depth: depth + 1, to: &out)
                guard out.count < LogLine.maximumLineBytes else { break }
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    /// Appends a JSON string (RFC 8259 §7); also escapes control characters that JSON allows.
    private static func append(_ text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\"".utf8
            case "\\": out += "\\\\".utf8
            case "\n": out += "\\n".utf8
            case "\r": out += "\\r".utf8
            case "\t": out += "\\t".utf8
            case _ where scalar.isLogControl:
                let digits = String(scalar.value, radix: 16)
                out += "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8
            default: out += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
        out.append(UInt8(ascii: "\""))
    }
}
