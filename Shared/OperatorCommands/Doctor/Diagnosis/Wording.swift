/// Formats values for sentences of the report.
enum Wording {
    /// Maximum number of characters quoted from a peer.
    private static let maximumCharacters = 160

    /// Quotes a peer in one short line, without terminal escapes.
    static func quotable(_ text: String) -> String {
        let line = String(text.unicodeScalars.prefix(maximumCharacters + 1).map { isPlain($0) ? Character($0) : " " })
        return line.count > maximumCharacters ? "\(line.prefix(maximumCharacters))…" : line
    }

    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }

    /// `4 ms`, `1.5 s`, `35 s`, `12 min`, `3 h`, `2 d`. Without a sign.
    static func show(_ duration: Duration) -> String {
        let seconds = abs(duration / .seconds(1))
        switch seconds {
        case ..<1: return "\(Int((seconds * 1000).rounded())) ms"
        case ..<10: return "\((seconds * 10).rounded() / 10) s"
        case ..<120: return "\(Int(seconds.rounded())) s"
        case ..<7200: return "\(Int((seconds / 60).rounded())) min"
        case ..<172_800: return "\(Int((seconds / 3600).rounded())) h"
        default: return "\(Int((seconds / 86_400).rounded())) d"
        }
    }
}
