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
    ///   - requests: counts and limits each tenant's requests.
    ///   - shares: each tenant's pings and tests of endpoints, and counts of replays.
    static func make(
        backend: WebhookBackend,
        authenticator: Authenticator,
        requests: RateLimitMiddleware,
        shares: EndpointShares,
        origins: OriginPolicy,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) -> Router<APIRequestContext> {
        let router = Router.api(origins: origins)
        let routes = RouteTable(router)
        let protected = routes.authenticated(by: authenticator)
        // Requests that lack the role count too.
        protected.add(middleware: requests)
        protected.add(middleware: RoleMiddleware(anyOf: [.admin]))
        EndpointRoutes(backend: backend, shares: shares, now: now).register(on: protected)
        routes.refuseOtherMethods()
        return router
    }
}
