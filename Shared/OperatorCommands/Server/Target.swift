/// The address of a deployment: an origin, and optionally a prefix of Causeway's paths.
struct Target: Sendable, Hashable {
    let isSecure: Bool
    /// Without the brackets of an IPv6 address.
    let host: String
    let port: Int
    /// The prefix of Causeway's paths: empty, or `/…` without a trailing slash.
    let prefix: String

    /// Why a text is not a valid address.
    struct Mistake: Error {
        let sentence: String
    }

    /// Parses `http://host`, `https://host:port/prefix`.
    init(_ text: String) throws(Mistake) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        let scheme = parts[0].lowercased()
        guard scheme == "http:" || scheme == "https:", parts.count > 2, parts[1].isEmpty else {
            throw Mistake(sentence: "the address must begin with http:// or https://")
        }
        // Not quoted, because such a part may contain a secret.
        guard !text.contains(where: { "?#@".contains($0) }) else {
            throw Mistake(sentence: "the address must have no query, fragment or user: the token is passed separately")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Mistake(sentence: "the address has invalid characters: use visible ASCII")
        }
        isSecure = scheme == "https:"
        let authority = parts[2]
        let hostEnd = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : authority.firstIndex(of: ":")
        let host = authority[..<(hostEnd ?? authority.endIndex)]
        let port = authority[host.endIndex...]
        guard let number = port.isEmpty ? (isSecure ? 443 : 80) : port.first == ":" ? Int(port.dropFirst()) : nil,
            (1...65_535).contains(number)
        else { throw Mistake(sentence: "the address has an invalid port: use a number from 1 to 65535 after the colon") }
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
        self.port = number
        guard !self.host.isEmpty else { throw Mistake(sentence: "the address has no host") }
        let path = parts.count > 3 ? "/\(parts[3])" : ""
        prefix = String(path[..<(path.lastIndex { $0 != "/" }.map(path.index(after:)) ?? path.startIndex)])
    }

    /// The value of `Host`: with the port unless it is the scheme's default.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The value of `Origin`, as a browser writes it.
    var origin: String { "\(isSecure ? "https" : "http")://\(authority.lowercased())" }

    /// Whether it is a loopback address.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

extension Target: CustomStringConvertible {
    var description: String { origin + prefix }
}
