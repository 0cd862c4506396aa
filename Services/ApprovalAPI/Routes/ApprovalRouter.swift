import AccessControl
import Basics
import EventModel
import HTTPAPI
import Hummingbird
import ServiceKit

/// Creates the service's routes.
enum ApprovalRouter {
    /// Returns a router with all routes.
    ///
    /// - Throws: if the embedded API description is malformed, which a test rules out.
    static func make(
        backend: ApprovalBackend,
        authenticator: Authenticator,
        securityEvents: SecurityEventVerifier? = nil,
        securityEventCounts: SecurityEventCounts = SecurityEventCounts(),
        maximumTokenLife: Duration,
        requests: RateLimitMiddleware,
        survey: Survey,
        origins: OriginPolicy,
        now: @escaping @Sendable () -> Timestamp = { .now }
    ) throws -> Router<APIRequestContext> {
        let router = Router.api(origins: origins)
        let routes = RouteTable(router)
        try OpenAPIRoute().register(on: routes)
        SecurityEventRoutes(
            backend: backend,
            verifier: securityEvents,
            share: SecurityEventShare(),
            counts: securityEventCounts
        ).register(on: routes)
        let protected = routes.authenticated(by: authenticator)
        protected.add(middleware: requests)
        ApprovalRoutes(backend: backend).register(on: protected)
        DelegationRoutes(backend: backend).register(on: protected)
        NotificationRoutes(backend: backend, now: now).register(on: protected)
        RevocationRoutes(
            backend: backend,
            maximumTokenLife: maximumTokenLife,
            now: now
        ).register(on: protected)
        TicketRoutes(backend: backend, now: now).register(on: protected)
        AdministrationRoutes(backend: backend, survey: survey, share: AdministrationShare()).register(on: protected)
        routes.refuseOtherMethods()
        return router
    }
}
