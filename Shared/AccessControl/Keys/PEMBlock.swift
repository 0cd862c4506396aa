/// A PEM text between its BEGIN and END lines, these included (RFC 7468).
struct PEMBlock {
    let label: Substring
    private(set) var lines: [Substring]

    var isCertificate: Bool { label == "CERTIFICATE" }
    var text: String { lines.joined(separator: "\n") + "\n" }

    /// Splits a text into its blocks; text outside them is a comment (RFC 7468 §2).
    static func blocks(_ pem: String) -> [PEMBlock] {
        var blocks: [PEMBlock] = []
        var isInside = false
        for line in pem.split(whereSeparator: \.isNewline).map({ $0.trimmingSpaces() }) {
            if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
                blocks.append(PEMBlock(label: line.dropFirst("-----BEGIN ".count).dropLast("-----".count), lines: [line]))
                isInside = true
            } else if isInside {
                blocks[blocks.count - 1].lines.append(line)
                isInside = !line.hasPrefix("-----END ")
            }
        }
        return blocks
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> Substring {
        let end = lastIndex { !$0.isWhitespace }.map(index(after:)) ?? startIndex
        return self[..<end].drop(while: \.isWhitespace)
    }
}
