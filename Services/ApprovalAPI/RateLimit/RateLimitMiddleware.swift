import AccessControl
import Basics
import HTTPAPI
import HTTPTypes
import Hummingbird

/// Counts each tenant's requests, lets them pass as long as its share lasts, and tells every answer how many are left. Stands inside
/// ``AuthenticationMiddleware``.
struct RateLimitMiddleware: RouterMiddleware {
    typealias Context = APIRequestContext

    private let limit: RateLimit?
    private let limiter: TenantRateLimiter?
    private let usage: TenantUsage

    /// - Parameters:
    ///   - limit: nil for no limit; requests are counted all the same.
    ///   - usage: where they are counted.
    init(_ limit: RateLimit?, usage: TenantUsage) {
        self.limit = limit
        limiter = limit.map { TenantRateLimiter($0) }
        self.usage = usage
    }

    func handle(
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
                    "Your tenant has made too many requests: wait \(verdict.secondsUntilNext) s, and then at most \(limit.perMinute) a minute.",
                    retryAfter: verdict.secondsUntilNext
                )
            }
            response = try await next(request, context)
        } catch let error as APIError {
            // Refusals count and carry the figures too.
            response = try error.response(from: request, context: context)
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

    /// Requests a minute that the tenant may make.
    static let rateLimit = named("X-RateLimit-Limit")
    /// Requests that the tenant may still make at once.
    static let rateLimitRemaining = named("X-RateLimit-Remaining")
    /// Seconds until as many as ever may be made at once.
    static let rateLimitReset = named("X-RateLimit-Reset")
}
