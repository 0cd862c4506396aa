import AccessControl
import Basics
import HTTPAPI
import Hummingbird
import ServiceKit

/// Creates the service's routes.
enum WebhookRouter {
    /// Returns a router with all routes.
    ///
    /// - Parameters:
    ///   - backend: the open log.
    ///   - limit: each tenant's requests; nil for no limit.
    ///   - usage: receives the number of each tenant's requests.
    ///   - shares: each tenant's pings and tests of endpoints.
    static func make(
        backend: WebhookBackend,
        authenticator: Authenticator,
        limit: RateLimit?,
        usage: TenantUsage = TenantUsage(),
        shares: PingShares,
        origins: OriginPolicy,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) -> Router<APIRequestContext> {
        let router = Router.api(origins: origins)
        let routes = RouteTable(router)
        let protected = routes.authenticated(by: authenticator)
        // Requests that lack the role count too.
        protected.add(middleware: RateLimitMiddleware(limit, usage: usage))
        protected.add(middleware: RoleMiddleware(anyOf: [.admin]))
        EndpointRoutes(backend: backend, shares: shares, now: now).register(on: protected)
        routes.refuseOtherMethods()
        return router
    }
}
