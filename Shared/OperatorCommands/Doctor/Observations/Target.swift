/// The address that is examined: an origin, and perhaps a path in front of Causeway's own.
struct Target: Sendable, Hashable {
    let isSecure: Bool
    /// Without the brackets of an IPv6 address.
    let host: String
    let port: Int
    /// What a proxy puts before Causeway's paths: empty, or `/…` without a slash at its end.
    let prefix: String

    /// Why a text is no address to examine.
    struct Mistake: Error {
        let sentence: String
    }

    /// Reads `http://host`, `https://host:port/prefix`.
    init(_ text: String) throws(Mistake) {
        let parts = text.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        let scheme = parts[0].lowercased()
        guard scheme == "http:" || scheme == "https:", parts.count > 2, parts[1].isEmpty else {
            throw Mistake(sentence: "the address must begin with http:// or https://")
        }
        // What such a part holds may be a secret: it is not repeated.
        guard !text.contains(where: { "?#@".contains($0) }) else {
            throw Mistake(sentence: "the address is that of the proxy, without a query, a fragment or a user: give the token with --token")
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Mistake(sentence: "the address has characters that an address cannot have")
        }
        isSecure = scheme == "https:"
        let authority = parts[2]
        let hostEnd = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : authority.firstIndex(of: ":")
        let host = authority[..<(hostEnd ?? authority.endIndex)]
        let port = authority[host.endIndex...]
        guard let number = port.isEmpty ? (isSecure ? 443 : 80) : port.first == ":" ? Int(port.dropFirst()) : nil,
            (1...65_535).contains(number)
        else { throw Mistake(sentence: "the address has no valid port: write a number from 1 to 65535 behind the colon") }
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
        self.port = number
        guard !self.host.isEmpty else { throw Mistake(sentence: "the address has no host") }
        let path = parts.count > 3 ? "/\(parts[3])" : ""
        prefix = String(path[..<(path.lastIndex { $0 != "/" }.map(path.index(after:)) ?? path.startIndex)])
    }

    /// As it stands in `Host`: with its port, where that is not the scheme's own.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// As a browser writes it in `Origin`.
    var origin: String { "\(isSecure ? "https" : "http")://\(authority.lowercased())" }

    /// Whether it is this machine itself.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

extension Target: CustomStringConvertible {
    var description: String { origin + prefix }
}
