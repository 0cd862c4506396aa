/// Which pages may open a WebSocket. Browsers let any page connect anywhere and say in `Origin` whose page it is (RFC 6455 §10.2);
/// what is no browser sends no `Origin`, and is not meant.
public struct OriginPolicy: Sendable, Hashable {
    /// An entry of the configuration that is not an origin.
    public struct InvalidOrigin: Error, Sendable, CustomStringConvertible {
        /// A sentence that says what to change.
        public let description: String
    }

    /// Pages of the host that the request was sent to, and no others.
    public static let sameHost = OriginPolicy(rule: .sameHost)

    private enum Rule: Sendable, Hashable {
        case sameHost
        case listed(Set<WebOrigin>)
        case any
    }

    private let rule: Rule

    private init(rule: Rule) { self.rule = rule }

    /// - Parameter allowed: Origins like `https://console.example` or `http://localhost:3000`, and no others are allowed; `*` for any.
    ///   None at all means ``sameHost``.
    /// - Throws: For an entry that no browser would ever send.
    public init(allowed: [String]) throws(InvalidOrigin) {
        var origins: Set<WebOrigin> = []
        for entry in allowed where entry != "*" {
            guard let origin = WebOrigin(entry) else {
                throw InvalidOrigin(
                    description:
                        "\"\(entry)\" is not a web origin: write a scheme, a host and perhaps a port, like https://console.example."
                )
            }
            origins.insert(origin)
        }
        self.rule = allowed.contains("*") ? .any : origins.isEmpty ? .sameHost : .listed(origins)
    }

    /// Whether a handshake may go on.
    ///
    /// - Parameters:
    ///   - origin: The request's `Origin`; `nil` when there is none.
    ///   - host: The request's `Host`. Without a port it stands for the default one of the origin's scheme, because the proxy that ends
    ///     TLS is not seen from here.
    public func allows(origin: String?, host: String?) -> Bool {
        guard let origin else { return true }
        if self.rule == .any { return true }
        // Not an origin is also the `null` of sandboxed frames and local files.
        guard let origin = WebOrigin(origin) else { return false }
        switch self.rule {
        case .any: return true
        case .listed(let origins): return origins.contains(origin)
        case .sameHost: return host.flatMap { WebOrigin("\(origin.scheme)://\($0)") } == origin
        }
    }
}

/// An origin, comparable: lower case, and with its port. RFC 6454 §4.
private struct WebOrigin: Sendable, Hashable {
    let scheme: String
    let host: String
    let port: UInt16

    init?(_ text: String) {
        let text = text.lowercased()
        guard let separator = text.firstRange(of: "://") else { return nil }
        let scheme = text[..<separator.lowerBound]
        let authority = text[separator.upperBound...]
        // The colons within the brackets of an IPv6 address do not begin a port.
        let hostEnd = authority.hasPrefix("[") ? authority.firstIndex(of: "]").map(authority.index(after:)) : authority.firstIndex(of: ":")
        let host = authority[..<(hostEnd ?? authority.endIndex)]
        let port = authority[host.endIndex...]
        guard !scheme.isEmpty, scheme.utf8.allSatisfy(Self.isSchemeCharacter), !host.isEmpty, host.utf8.allSatisfy(Self.isHostCharacter),
            host.hasPrefix("[") == host.hasSuffix("]"),
            let number = port.isEmpty ? Self.defaultPort(scheme) : port.first == ":" ? UInt16(port.dropFirst()) : nil
        else { return nil }
        self.scheme = String(scheme)
        self.host = String(host)
        self.port = number
    }

    private static func defaultPort(_ scheme: Substring) -> UInt16? {
        switch scheme {
        case "http", "ws": 80
        case "https", "wss": 443
        default: 0
        }
    }

    private static func isSchemeCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "+-.".utf8.contains(byte)
        }
    }

    /// Visible ASCII that can be part of a host; what ends one, or could be taken for a pattern, cannot.
    private static func isHostCharacter(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"/?#@,*\\\"<>".utf8.contains(byte)
    }
}
