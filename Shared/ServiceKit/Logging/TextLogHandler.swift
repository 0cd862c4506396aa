import AccessControl
import Logging

/// Logs one line of text an entry, for people: `2024-04-01T14:32:10.000Z info  sse-edge: Stream opened stream=EVENTS`.
///
/// Lines are bounded and free of control characters and tokens; a truncated line ends in `…`.
public typealias TextLogHandler = StructuredLogHandler<TextLogForm>

/// The format of ``TextLogHandler``.
public enum TextLogForm: LogForm {
    /// Renders a line as text.
    public static func render(_ line: LogLine) -> [UInt8] {
        let level = line.level.rawValue
        let padding = String(repeating: " ", count: max(0, 7 - level.count))
        var out = Array("\(line.time) \(level)\(padding) ".utf8)
        append(line.label, to: &out)
        out += ": ".utf8
        append(line.message, to: &out)
        for (key, value) in line.metadata {
            var member: [UInt8] = [UInt8(ascii: " ")]
            append(LogLine.text(key), to: &member)
            member.append(UInt8(ascii: "="))
            appendValue(LogLine.hides(key) ? Redaction.mark : text(of: value, depth: 1), to: &member)
            guard out.count + member.count <= LogLine.maximumLineBytes else {
                out += " …".utf8
                break
            }
            out += member
        }
        out.append(UInt8(ascii: "\n"))
        return out
    }

    /// Returns a metadata value without secrets: `[a, b]` and `{key: value}` for nested ones.
    private static func text(of value: Logger.MetadataValue, depth: Int) -> String {
        guard depth < LogLine.maximumDepth else { return "…" }
        switch value {
        case .string(let text): return LogLine.text(text)
        case .stringConvertible(let value): return LogLine.text(value.description)
        case .array(let items): return LogLine.text("[" + items.map { text(of: $0, depth: depth + 1) }.joined(separator: ", ") + "]")
        case .dictionary(let members):
            let shown = members.sorted { $0.key < $1.key }.map { key, value in
                "\(key): \(LogLine.hides(key) ? Redaction.mark : text(of: value, depth: depth + 1))"
            }
            return LogLine.text("{" + shown.joined(separator: ", ") + "}")
        }
    }

    /// Appends a metadata value; quoted where it would be ambiguous.
    private static func appendValue(_ text: String, to out: inout [UInt8]) {
        guard text.isEmpty || text.utf8.contains(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "=") })
        else {
            append(text, to: &out)
            return
        }
        out.append(UInt8(ascii: "\""))
        append(text, escapingQuotes: true, to: &out)
        out.append(UInt8(ascii: "\""))
    }

    private static func append(_ text: String, escapingQuotes: Bool = false, to out: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": out += "\\n".utf8
            case "\r": out += "\\r".utf8
            case "\t": out += "\\t".utf8
            case "\"" where escapingQuotes: out += "\\\"".utf8
            case "\\" where escapingQuotes: out += "\\\\".utf8
            case _ where scalar.isLogControl: out += "\\u{\(String(scalar.value, radix: 16))}".utf8
            default: out += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
    }
}
