import AccessControl
public import Basics
public import HTTPAPI
import HTTPTypes
public import Hummingbird

/// Counts and limits each tenant's requests, and adds the `X-RateLimit-…` headers to every response. Runs behind ``AuthenticationMiddleware``, which
/// provides the tenant.
public struct RateLimitMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let limit: RateLimit?
    private let limiter: TenantRateLimiter?
    private let usage: TenantUsage

    /// Creates the middleware.
    ///
    /// - Parameters:
    ///   - limit: nil for no limit; requests are counted anyway.
    ///   - usage: receives the counts.
    public init(_ limit: RateLimit?, usage: TenantUsage) {
        self.limit = limit
        limiter = limit.map { TenantRateLimiter($0) }
        self.usage = usage
    }

    /// Returns the tenant's use of the limit.
    package func use(of tenant: Tenant) -> ShareUse {
        let limit = limit.flatMap { limit in
            limiter.map { (burst: limit.burst, left: $0.remaining(of: tenant), perSecond: Double(limit.perMinute) / 60) }
        }
        return .rate("requests", lastMinute: usage.amount(of: tenant), limit: limit)
    }

    /// Counts the request, then calls `next`; throws `rate_limited`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let tenant = try context.requirePrincipal().tenant
        usage.add(1, of: tenant)
        guard let limit, let verdict = limiter?.admit(tenant) else { return try await next(request, context) }
        var response: Response
        do {
            guard verdict.isAllowed else {
                throw APIError.rateLimited(
                    "Your tenant has made too many requests: the limit is \(limit.perMinute) per minute. Retry in \(verdict.secondsUntilNext) s.",
                    retryAfter: verdict.secondsUntilNext
                )
            }
            response = try await next(request, context)
        } catch {
            // Error responses count and carry the headers too. Unexpected errors are logged, and answered with 500, further out.
            guard let expected = APIError(expected: error) else { throw error }
            response = try expected.response(from: request, context: context)
        }
        response.headers[.rateLimit] = "\(limit.perMinute)"
        response.headers[.rateLimitRemaining] = "\(verdict.remaining)"
        response.headers[.rateLimitReset] = "\(verdict.secondsUntilFull)"
        return response
    }
}

extension HTTPField.Name {
    private static func named(_ name: StaticString) -> HTTPField.Name {
        guard let field = HTTPField.Name("\(name)") else { preconditionFailure("\(name) is not a field name") }
        return field
    }

    /// The tenant's sustained requests per minute.
    static let rateLimit = named("X-RateLimit-Limit")
    /// Requests that the tenant may make now without waiting.
    static let rateLimitRemaining = named("X-RateLimit-Remaining")
    /// Seconds until the full burst is available again.
    static let rateLimitReset = named("X-RateLimit-Reset")
}
