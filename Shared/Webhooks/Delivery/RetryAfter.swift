import Basics

/// Parses `Retry-After` (RFC 9110 §10.2.3).
enum RetryAfter {
    /// The longest wait that a receiver can ask for.
    static let maximum: Duration = .seconds(86_400)

    /// Returns how long to wait: decimal seconds, or a time in the preferred form of HTTP. Zero for a time that has passed, at most
    /// ``maximum``; nil if malformed.
    static func parse(_ text: some StringProtocol, at now: Timestamp) -> Duration? {
        let text = text.trimmed
        if !text.isEmpty, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) {
            // More digits than fit in 64 bits are longer than any wait.
            return min(Int64(text).map { .seconds($0) } ?? maximum, maximum)
        }
        guard let time = Timestamp(httpDate: text) else { return nil }
        let (difference, overflow) = time.millisecondsSinceEpoch.subtractingReportingOverflow(now.millisecondsSinceEpoch)
        return overflow ? maximum : min(max(.zero, .milliseconds(difference)), maximum)
    }
}

extension StringProtocol {
    /// Without spaces and tabs at both ends: the optional white space of HTTP.
    fileprivate var trimmed: String {
        func isSpace(_ character: Character) -> Bool { character == " " || character == "\t" }
        var text = Substring(self).drop(while: isSpace)
        while let last = text.last, isSpace(last) { text.removeLast() }
        return String(text)
    }
}
