import AccessControl
import HTTPAPI
import HTTPTypes
import Hummingbird

/// Lets a tenant's requests pass as long as its bucket has tokens, and tells every answer how many are left. Stands inside
/// ``AuthenticationMiddleware``.
struct RateLimitMiddleware: RouterMiddleware {
    typealias Context = APIRequestContext

    private let limiter: RateLimiter

    init(_ limiter: RateLimiter) {
        self.limiter = limiter
    }

    func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        let verdict = limiter.admit(tenant: try context.requirePrincipal().tenant)
        var response: Response
        do {
            guard verdict.isAllowed else {
                throw APIError.rateLimited(
                    "Your tenant has made too many requests: wait \(verdict.secondsUntilNext) s, and then at most \(verdict.limit) a minute.",
                    retryAfter: verdict.secondsUntilNext
                )
            }
            response = try await next(request, context)
        } catch let error as APIError {
            // Refusals count and carry the figures too.
            response = try error.response(from: request, context: context)
        }
        response.headers[.rateLimit] = "\(verdict.limit)"
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
