public import HTTPTypes

/// Which web origins may use the API from a browser (contract §4). Nobody, unless configured.
public struct CORSPolicy: Sendable, Hashable {
    /// An entry of the configuration that is not an origin.
    public struct InvalidOrigin: Error, Sendable, CustomStringConvertible {
        /// A sentence that says what to change.
        public let description: String
    }

    /// No origin at all.
    public static let none = CORSPolicy(origins: [], allowsAny: false)

    private let origins: Set<String>
    private let allowsAny: Bool

    private init(origins: Set<String>, allowsAny: Bool) {
        self.origins = origins
        self.allowsAny = allowsAny
    }

    /// - Parameter allowedOrigins: `https://console.example` or `http://localhost:3000`, as a browser writes them in `Origin`; `*` for any.
    /// - Throws: for an entry that no browser would ever send.
    public init(allowedOrigins: [String]) throws(InvalidOrigin) {
        var origins: Set<String> = []
        for entry in allowedOrigins where entry != "*" {
            origins.insert(try Self.normalized(entry))
        }
        self.init(origins: origins, allowsAny: allowedOrigins.contains("*"))
    }

    /// Whether any origin is allowed; if not, responses need not even vary by it.
    public var isEnabled: Bool { allowsAny || !origins.isEmpty }

    /// Whether a page of `origin` may read responses. `null` (a sandboxed frame, a local file) is only allowed where anything is.
    public func allows(_ origin: String) -> Bool {
        allowsAny || origins.contains(origin)
    }

    /// The fields that an ordinary response to a request with this `Origin` gets; `Vary` also for other origins and for none, so
    /// that a cache never hands one origin's answer to another.
    public func responseHeaders(origin: String?) -> HTTPFields {
        guard isEnabled else { return [:] }
        var headers: HTTPFields = [.vary: "Origin"]
        if let origin, allows(origin) {
            headers[.accessControlAllowOrigin] = origin
            headers[.accessControlExposeHeaders] = Self.exposedHeaders
        }
        return headers
    }

    /// The fields of the answer to a preflight request.
    public func preflightHeaders(origin: String) -> HTTPFields {
        var headers: HTTPFields = [.vary: "Origin"]
        if allows(origin) {
            headers[.accessControlAllowOrigin] = origin
            headers[.accessControlAllowMethods] = Self.allowedMethods
            headers[.accessControlAllowHeaders] = Self.allowedHeaders
            headers[.accessControlMaxAge] = Self.maximumAge
        }
        return headers
    }

    private static let allowedMethods = "GET, HEAD, POST, PATCH"
    private static let allowedHeaders = "Authorization, Last-Event-ID, Cache-Control, Content-Type, Idempotency-Key, X-Request-Id"
    private static let exposedHeaders = "X-Request-Id, Retry-After, Causeway-Execution"
    /// How long a browser may remember the answer, in seconds. A change of the configuration takes that long to be noticed.
    private static let maximumAge = "600"

    /// Browsers write scheme and host in lower case and end after the port.
    private static func normalized(_ entry: String) throws(InvalidOrigin) -> String {
        let origin = (entry.hasSuffix("/") ? String(entry.dropLast()) : entry).lowercased()
        let schemeEnd = origin.firstRange(of: "://")
        let authority = schemeEnd.map { origin[$0.upperBound...] } ?? ""
        guard let schemeEnd, !origin[..<schemeEnd.lowerBound].isEmpty, !authority.isEmpty,
            authority.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !authority.contains(where: { "/?#@,*".contains($0) })
        else {
            throw InvalidOrigin(
                description: "\"\(entry)\" is not a web origin: write a scheme, a host and perhaps a port, like https://console.example."
            )
        }
        return origin
    }
}
