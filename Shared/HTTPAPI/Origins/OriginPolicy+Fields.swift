public import HTTPTypes

/// What the policy makes of a response (Fetch standard, §3.3).
extension OriginPolicy {
    /// The fields of an ordinary response: `Vary` for every request, so that a cache never hands one origin's answer to another, and for a page
    /// that may read it, the permission.
    public func responseFields(to request: HTTPRequest) -> HTTPFields {
        var fields = permission(for: request)
        if fields.contains(.accessControlAllowOrigin) { fields[.accessControlExposeHeaders] = Self.exposedHeaders }
        return fields
    }

    /// The fields of the answer to a preflight request.
    public func preflightFields(to request: HTTPRequest) -> HTTPFields {
        var fields = permission(for: request)
        if fields.contains(.accessControlAllowOrigin) {
            fields[.accessControlAllowMethods] = Self.allowedMethods
            fields[.accessControlAllowHeaders] = Self.allowedHeaders
            fields[.accessControlMaxAge] = Self.maximumAge
        }
        return fields
    }

    /// The origin is repeated as it was sent, which is what browsers compare. Named origins may send credentials, because many frameworks switch
    /// `withCredentials` on: no service reads a cookie, so it gives a page nothing.
    private func permission(for request: HTTPRequest) -> HTTPFields {
        var fields: HTTPFields = [.vary: "Origin"]
        if case .allowed(let origin, let isNamed) = verdict(on: request) {
            fields[.accessControlAllowOrigin] = origin
            if isNamed { fields[.accessControlAllowCredentials] = "true" }
        }
        return fields
    }

    private static let allowedMethods = "GET, HEAD, POST, PATCH, DELETE"
    private static let allowedHeaders =
        "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Cache-Control, traceparent, tracestate, X-Request-Id"
    private static let exposedHeaders = "X-Request-Id, Retry-After, Causeway-Execution"
    /// How long a browser may remember the answer, in seconds. A change of the configuration takes that long to be noticed.
    private static let maximumAge = "600"
}
