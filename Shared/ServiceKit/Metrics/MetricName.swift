/// Names and labels in the form that Prometheus demands (text exposition format 0.0.4).
enum MetricName {
    /// Converts `label` to a metric name: `http.server.requests` becomes `http_server_requests`.
    ///
    /// Each run of characters other than `[a-zA-Z0-9]` becomes one underscore. That includes colons, which Prometheus reserves for rules.
    static func sanitized(_ label: String) -> String {
        var name: [UInt8] = []
        for byte in label.utf8 {
            if isAlphanumeric(byte) {
                name.append(byte)
            } else if name.last != UInt8(ascii: "_") {
                name.append(UInt8(ascii: "_"))
            }
        }
        if name.first.map(isDigit) ?? true { name.insert(UInt8(ascii: "_"), at: 0) }
        return String(decoding: name, as: UTF8.self)
    }

    /// Converts `label` to a metric name that ends in its unit or kind, such as `total` or `seconds`; does not repeat the suffix.
    static func sanitized(_ label: String, suffix: String) -> String {
        let name = sanitized(label)
        return name.hasSuffix("_" + suffix) ? name : name + "_" + suffix
    }

    /// Renders labels for use in braces, in alphabetical order: `code="200",method="GET"`. Of two with the same name the last one counts.
    static func rendered(_ labels: [(String, String)]) -> String {
        var values: [String: String] = [:]
        for (name, value) in labels {
            var name = sanitized(name)
            // Prometheus reserves `le` and names that begin with two underscores.
            if name == "le" || name.hasPrefix("__") { name = "exported_" + name }
            values[name] = value
        }
        return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
    }

    /// Truncates and escapes a label's value.
    private static func escaped(_ value: String) -> String {
        String(value.prefix(maximumValueCharacters)).replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing(
            "\n",
            with: "\\n"
        )
    }

    /// Escapes a help text, which must stay on one line.
    static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    private static let maximumValueCharacters = 256

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
