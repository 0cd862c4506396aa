import AccessControl

extension Settings {
    /// Every key with its value and source: the output of `--print-config`.
    ///
    /// Valid YAML for `--config`. Secrets are `<redacted>` in a comment; unset keys are comments too.
    public var printed: String {
        let lines = all.map { entry in (assignment: Self.assignment(entry), source: entry.source.description) }
        let width = min(60, lines.map(\.assignment.count).max() ?? 0)
        let body = lines.map { line in
            line.assignment + String(repeating: " ", count: max(0, width - line.assignment.count)) + "  # " + line.source
        }
        return "# \(schema.program) \(schema.version)\n" + body.joined(separator: "\n") + "\n"
    }

    private static func assignment(_ entry: Entry) -> String {
        guard let value = entry.value else { return "# \(entry.key.name):" }
        if entry.key.isSecret { return "# \(entry.key.name): \(Redaction.mark)" }
        let text = value.text
        let shown = ShownText.withoutCredentials(text)
        let assignment = "\(entry.key.name): \(scalar(ShownText.bounded(shown)))"
        return shown == text ? assignment : "# " + assignment
    }

    /// A YAML scalar: plain where every parser reads it unchanged, else in double quotes.
    private static func scalar(_ text: String) -> String {
        let plain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"): true
            default: false
            }
        }
        guard !plain || text.isEmpty || text.hasPrefix("-") else { return text }
        return "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
}
