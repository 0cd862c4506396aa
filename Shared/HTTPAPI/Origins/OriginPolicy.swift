public import HTTPTypes

/// Which pages may use a service: those of the deployment itself and of the configured origins (contract §1, "Origins").
///
/// The one rule for HTTP and for WebSocket handshakes. A request without `Origin` does not come from a page and is not judged.
///
/// The deployment's own origin is taken from the request: `Host`, or `X-Forwarded-Host` where a proxy changes `Host`, with the scheme of
/// `X-Forwarded-Proto`. A page cannot set any of them on a WebSocket handshake, and on `fetch` only after a preflight that refuses it.
public struct OriginPolicy: Sendable, Hashable {
    /// An entry of the configuration that is not an origin.
    public struct InvalidOrigin: Error, Sendable, CustomStringConvertible {
        /// A sentence that says what to change.
        public let description: String
    }

    /// Allows the deployment's own pages alone.
    public static let own = OriginPolicy(configured: [], allowsAny: false)

    private let configured: Set<WebOrigin>
    private let allowsAny: Bool

    private init(configured: Set<WebOrigin>, allowsAny: Bool) {
        self.configured = configured
        self.allowsAny = allowsAny
    }

    /// - Parameter allowed: origins beside the deployment's own, such as `https://console.example` or `http://localhost:3000`; `*` for any.
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

    /// What the policy says of a request.
    enum Verdict: Hashable {
        /// There is no `Origin`: the request does not come from a page.
        case notAPage
        /// The page may. `isNamed` is false where only `*` allows it.
        case allowed(origin: String, isNamed: Bool)
        case refused
    }

    /// Judges the origin of a request.
    func verdict(on request: HTTPRequest) -> Verdict {
        let fields = request.headerFields[values: .origin]
        guard let text = fields.first else { return .notAPage }
        // `null`, which sandboxed frames and local files send, is not an origin and equals none.
        if fields.count == 1, let origin = WebOrigin(text), configured.contains(origin) || Self.isOwn(origin, request) {
            return .allowed(origin: text, isNamed: true)
        }
        return allowsAny && fields.count == 1 ? .allowed(origin: text, isNamed: false) : .refused
    }

    /// Whether the request may be served as far as its origin is concerned. Only WebSocket handshakes are refused for it (RFC 6455 §10.2);
    /// for everything else the browser refuses, by the fields of the response.
    public func allows(_ request: HTTPRequest) -> Bool {
        verdict(on: request) != .refused
    }

    /// Whether `origin` is that of the address under which the request was sent.
    private static func isOwn(_ origin: WebOrigin, _ request: HTTPRequest) -> Bool {
        guard ["http", "https"].contains(origin.scheme) else { return false }
        let fields = request.headerFields
        let scheme = forwarded(fields, .forwardedProto).flatMap { webScheme($0.lowercased()) }
        return [request.authority, forwarded(fields, .forwardedHost)].compactMap(\.self).contains { host in
            guard WebOrigin("\(origin.scheme)://\(host)") == origin else { return false }
            // Without a proxy that says so, nobody here knows whether TLS ended on the way. One that says `http` may stand behind another that
            // ends TLS on the default port.
            return scheme == nil || scheme == origin.scheme || scheme == "http" && origin.port == 443
        }
    }

    /// The first element of a list that proxies append to: what the client used.
    private static func forwarded(_ fields: HTTPFields, _ name: HTTPField.Name) -> String? {
        guard let list = fields[values: name].first, let first = list.split(separator: ",").first else { return nil }
        return String(first.filter { $0 != " " && $0 != "\t" })
    }

    /// Some proxies name the scheme of WebSockets.
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
