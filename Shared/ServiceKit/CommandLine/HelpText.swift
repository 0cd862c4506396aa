/// Arranges the help that swift-argument-parser writes, by the guidelines of clig.dev: usage and examples first.
enum HelpText {
    private static let overview = "OVERVIEW: "
    private static let usage = "\n\nUSAGE: "

    /// Moves the usage before the overview, and mentions `--help-all` where it shows more. Returns a text that is no help as it is.
    static func arranged(_ text: String, hasMore: Bool) -> String {
        guard text.hasPrefix(overview), let start = text.firstRange(of: usage) else { return text }
        let rest = text[start.upperBound...]
        let end = rest.firstRange(of: "\n\n")?.lowerBound ?? rest.endIndex
        let more = hasMore ? "\n\n  --help-all also lists the settings." : ""
        return "USAGE: \(rest[..<end])\n\n\(text[overview.endIndex..<start.lowerBound])\(trimmed(rest[end...]))\(more)"
    }

    private static func trimmed(_ text: Substring) -> Substring {
        guard let last = text.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return text[...last]
    }
}
