import FoundationEssentials

/// Renders findings as text or JSON. Never shows the token.
struct Report {
    let target: Target
    let findings: [Finding]
    let token: String

    /// One line per check, followed by the fixes of the faults.
    var text: String {
        let width = Finding.Check.allCases.map(\.rawValue.count).max() ?? 0
        var lines = findings.map { finding in
            "\(Self.padded(finding.verdict.rawValue, 6))  \(Self.padded(finding.check.rawValue, width))  \(finding.sentence)"
        }
        lines += ["", conclusion]
        for remedy in remedies { lines += ["", "\(subjects(of: remedy)): \(remedy.explanation)"] + Self.lines(of: remedy.directives) }
        return redacted(lines.joined(separator: "\n"))
    }

    /// The same as one JSON object.
    var json: String {
        let entries = findings.map { finding in
            Document.Entry(
                check: finding.check.rawValue,
                verdict: finding.verdict.rawValue,
                sentence: finding.sentence,
                remedy: finding.remedy.map { Document.Mending(name: $0.rawValue, explanation: $0.explanation, directives: $0.directives) }
            )
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let document = Document(url: target.description, healthy: Diagnosis.isHealthy(findings), findings: entries)
        // Only strings and booleans: encoding cannot fail.
        guard let data = try? encoder.encode(document) else { preconditionFailure("a report is not JSON") }
        return redacted(String(decoding: data, as: UTF8.self))
    }

    private struct Document: Encodable {
        struct Entry: Encodable {
            let check: String
            let verdict: String
            let sentence: String
            let remedy: Mending?
        }

        struct Mending: Encodable {
            let name: String
            let explanation: String
            let directives: Directives?
        }

        let url: String
        let healthy: Bool
        let findings: [Entry]
    }

    /// The fixes of faults, without repetitions. Advice says what to do in its sentence.
    private var remedies: [Remedy] {
        findings.filter { $0.verdict == .fault }.compactMap(\.remedy).reduce(into: []) { unique, remedy in
            if !unique.contains(remedy) { unique.append(remedy) }
        }
    }

    /// The checks that a remedy is for.
    private func subjects(of remedy: Remedy) -> String {
        findings.filter { $0.verdict == .fault && $0.remedy == remedy }.map(\.check.rawValue).joined(separator: ", ")
    }

    private var conclusion: String {
        let faults = findings.count { $0.verdict == .fault }
        let advice = findings.count { $0.verdict == .advice }
        let words = [(faults, "fault", "faults"), (advice, "piece of advice", "pieces of advice")]
            .filter { $0.0 > 0 }.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }
        return "\(target): \(words.isEmpty ? "healthy" : (faults == 0 ? "healthy, with " : "") + words.joined(separator: " and "))"
    }

    private static func lines(of directives: Directives?) -> [String] {
        guard let directives else { return [] }
        let proxies = [("nginx", directives.nginx), ("Caddy", directives.caddy), ("HAProxy", directives.haproxy)]
        return proxies.flatMap { name, parts in
            parts.flatMap { part in
                ["  \(name), \(part.context):"] + part.lines.split(separator: "\n").map { "      \($0)" }
            }
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Removes the token and its parts: peers may quote the request in their texts.
    private func redacted(_ text: String) -> String {
        let parts = [token] + token.split(separator: ".").map(String.init).filter { $0.utf8.count >= 16 }
        return parts.reduce(text) { $1.isEmpty ? $0 : $0.replacing($1, with: "(token)") }
    }
}
