public import HTTPTypes

/// CORS header fields of responses (Fetch standard, §3.3).
extension OriginPolicy {
    /// Returns the fields of an ordinary response: always `Vary`, so that caches separate origins; and the permission for an allowed page.
    public func responseFields(to request: HTTPRequest) -> HTTPFields {
        var fields = permission(for: request)
        if fields.contains(.accessControlAllowOrigin) { fields[.accessControlExposeHeaders] = Self.exposedHeaders }
        return fields
    }

    /// Returns the fields of a preflight response.
    public func preflightFields(to request: HTTPRequest) -> HTTPFields {
        var fields = permission(for: request)
        if fields.contains(.accessControlAllowOrigin) {
            fields[.accessControlAllowMethods] = Self.allowedMethods
            fields[.accessControlAllowHeaders] = Self.allowedHeaders
            fields[.accessControlMaxAge] = Self.maximumAge
        }
        return fields
    }

    /// Echoes the origin exactly, as browsers compare it. Configured origins may send credentials, because many frameworks enable
    /// `withCredentials`; no service reads cookies, so this grants nothing.
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
    /// How long browsers cache a preflight response, in seconds; the delay of a configuration change.
    private static let maximumAge = "600"
}
