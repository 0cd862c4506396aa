public import HTTPTypes

/// The origins that may use a service: the deployment's own and the configured ones (contract §1, "Origins").
///
/// One policy for HTTP and WebSocket handshakes. A request without `Origin` is not from a page and always passes.
///
/// The own origin is derived from the request: `Host` (or `X-Forwarded-Host` where a proxy changes it) and the scheme of
/// `X-Forwarded-Proto`. A page cannot set these on a WebSocket handshake, and on `fetch` only after a preflight that refuses it.
public struct OriginPolicy: Sendable, Hashable {
    /// A configured entry that is not an origin.
    public struct InvalidOrigin: Error, Sendable, CustomStringConvertible {
        /// A sentence with the remedy.
        public let description: String
    }

    /// Allows only the deployment's own pages.
    public static let own = OriginPolicy(configured: [], allowsAny: false)

    private let configured: Set<WebOrigin>
    private let allowsAny: Bool

    private init(configured: Set<WebOrigin>, allowsAny: Bool) {
        self.configured = configured
        self.allowsAny = allowsAny
    }

    /// - Parameter allowed: additional origins, such as `https://console.example` or `http://localhost:3000`; `*` for any.
    /// - Throws: for an entry that is not an origin.
    public init(allowed: [String]) throws(InvalidOrigin) {
        var origins: Set<WebOrigin> = []
        for entry in allowed where entry != "*" {
            guard let origin = WebOrigin(configured: entry) else {
                throw InvalidOrigin(
                    description:
                        "\"\(entry)\" is not a web origin: write a scheme, a host and perhaps a port, like https://console.example."
                )
            }
            origins.insert(origin)
        }
        self.init(configured: origins, allowsAny: allowed.contains("*"))
    }

    /// The decision on a request.
    enum Verdict: Hashable {
        /// No `Origin`: not from a page.
        case notAPage
        /// Allowed. `isNamed` is false where only `*` allows it.
        case allowed(origin: String, isNamed: Bool)
        case refused
    }

    /// Decides on a request.
    func verdict(on request: HTTPRequest) -> Verdict {
        let fields = request.headerFields[values: .origin]
        guard let text = fields.first else { return .notAPage }
        // `null`, from sandboxed frames and local files, is not an origin and matches none.
        if fields.count == 1, let origin = WebOrigin(text), configured.contains(origin) || Self.isOwn(origin, request) {
            return .allowed(origin: text, isNamed: true)
        }
        return allowsAny && fields.count == 1 ? .allowed(origin: text, isNamed: false) : .refused
    }

    /// Returns whether the request's origin permits it. Only WebSocket handshakes are refused here (RFC 6455 §10.2); otherwise the browser
    /// enforces the response's fields.
    public func allows(_ request: HTTPRequest) -> Bool {
        verdict(on: request) != .refused
    }

    /// Returns whether `origin` is the address that the request was sent to.
    private static func isOwn(_ origin: WebOrigin, _ request: HTTPRequest) -> Bool {
        guard ["http", "https"].contains(origin.scheme) else { return false }
        let fields = request.headerFields
        let scheme = forwarded(fields, .forwardedProto).flatMap { webScheme($0.lowercased()) }
        return [request.authority, forwarded(fields, .forwardedHost)].compactMap(\.self).contains { host in
            guard WebOrigin("\(origin.scheme)://\(host)") == origin else { return false }
            // Without that header it is unknown whether a proxy terminated TLS. A proxy that says `http` may be behind another one that
            // terminates TLS on the default port.
            return scheme == nil || scheme == origin.scheme || scheme == "http" && origin.port == 443
        }
    }

    /// Returns the first element of a list that proxies append to: the client's value.
    private static func forwarded(_ fields: HTTPFields, _ name: HTTPField.Name) -> String? {
        guard let list = fields[values: name].first, let first = list.split(separator: ",").first else { return nil }
        return String(first.filter { $0 != " " && $0 != "\t" })
    }

    /// Maps WebSocket schemes, which some proxies send.
    private static func webScheme(_ text: String) -> String? {
        switch text {
        case "http", "ws": "http"
        case "https", "wss": "https"
        default: nil
        }
    }
}

extension HTTPField.Name {
    /// `X-Forwarded-Proto`: the scheme that the client used, as the proxy says.
    fileprivate static let forwardedProto = named("X-Forwarded-Proto")
    /// `X-Forwarded-Host`: the `Host` that the client sent, from proxies that change it.
    fileprivate static let forwardedHost = named("X-Forwarded-Host")
}
