import Basics
import FoundationEssentials

/// Header and claims of a token, unverified: verification is up to the services.
struct TokenContent: Sendable, Equatable {
    /// JSON objects, byte for byte.
    let header: [UInt8]
    let claims: [UInt8]
    private let facts: TokenFacts

    /// Decodes a JSON Web Token; nil for other text.
    init?(_ token: String) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        facts = TokenFacts(token, tenantClaims: [])
        guard facts.isReadable, let header = TokenFacts.base64(parts[0]), let claims = TokenFacts.base64(parts[1]),
            (try? JSONDocument.check([UInt8](header))) != nil
        else { return nil }
        (self.header, self.claims) = ([UInt8](header), [UInt8](claims))
    }

    /// A line for header and claims, and one for each time, relative to `now`.
    func text(now: Timestamp) -> String {
        var lines = ["not verified: anybody can write such a token", "header   \(String(decoding: header, as: UTF8.self))"]
        lines.append("claims   \(String(decoding: claims, as: UTF8.self))")
        func add(_ name: String, _ seconds: Double?, _ past: String, _ future: String) {
            guard let seconds, abs(seconds) < 1e11 else { return }
            let time = Timestamp(millisecondsSinceEpoch: Int64(seconds * 1000))
            let distance = Duration.milliseconds(time.millisecondsSinceEpoch - now.millisecondsSinceEpoch)
            let relative = distance > .zero ? "\(future) in \(Wording.show(distance))" : "\(past) \(Wording.show(distance)) ago"
            lines.append("\(name)\(String(repeating: " ", count: 9 - name.count))\(time.iso8601), \(relative)")
        }
        add("issued", facts.issuedAt, "issued", "will be issued")
        add("begins", facts.notBefore, "valid since", "valid")
        add("expires", facts.expiresAt, "expired", "expires")
        if facts.expiresAt == nil { lines.append("expires  never said: services refuse a token without exp") }
        return lines.map(TerminalText.safe).joined(separator: "\n")
    }

    /// One JSON object: `verified` is always false.
    var json: String {
        JSONObject(dictionaryLiteral: ("verified", false), ("header", .json(header)), ("claims", .json(claims))).text
    }
}
