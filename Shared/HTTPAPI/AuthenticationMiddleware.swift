public import AccessControl
import Basics
public import Hummingbird
import Logging

extension Authenticator {
    /// Authenticates a request (contract §1): the header `Authorization`, or the query parameter `token` where accepted.
    /// - Parameter acceptsQueryToken: for surfaces that browsers use without headers (SSE, WebSocket).
    public func authenticate(_ request: Request, acceptsQueryToken: Bool) async throws(AuthenticationError) -> Principal {
        try await authenticate { () throws(AuthenticationError) in try Self.token(of: request, acceptsQueryToken: acceptsQueryToken) }
    }

    /// The same without waiting; nil for a request that is not accepted at once (``authenticateAtOnce(_:)``).
    public func authenticateAtOnce(_ request: Request, acceptsQueryToken: Bool) -> Principal? {
        guard let token = try? Self.token(of: request, acceptsQueryToken: acceptsQueryToken) else { return nil }
        return authenticateAtOnce(token)
    }

    private static func token(of request: Request, acceptsQueryToken: Bool) throws(AuthenticationError) -> String {
        try Credential.bearer(
            authorization: request.headers[values: .authorization],
            queryTokens: acceptsQueryToken ? QueryParameters(unbounded: request.uri.query).decodableValues("token") : []
        )
    }
}

/// Requires an accepted token, and sets the principal in the context.
public struct AuthenticationMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let authenticator: Authenticator
    private let acceptsQueryToken: Bool

    /// - Parameter acceptsQueryToken: whether the query parameter `token` is accepted too.
    public init(_ authenticator: Authenticator, acceptsQueryToken: Bool = false) {
        self.authenticator = authenticator
        self.acceptsQueryToken = acceptsQueryToken
    }

    /// Authenticates, then calls `next`; throws `unauthorized` or `service_unavailable`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        do throws(AuthenticationError) {
            context.setPrincipal(try await authenticator.authenticate(request, acceptsQueryToken: acceptsQueryToken))
        } catch {
            context.logger.debug("Token refused", metadata: [LogKey.authReason: "\(error.reason.rawValue)"])
            throw APIError(error)
        }
        return try await next(request, context)
    }
}

/// Requires one of the roles. Must be inside ``AuthenticationMiddleware``.
public struct RoleMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let roles: Set<Role>

    /// Creates the middleware; an empty set admits every principal.
    public init(anyOf roles: Set<Role>) {
        self.roles = roles
    }

    /// Checks the roles, then calls `next`; throws `forbidden`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        try context.requireRole(anyOf: roles)
        return try await next(request, context)
    }
}

extension RouterMethods where Context == APIRequestContext {
    /// Returns a group of routes that require a token with one of `roles`; any token if empty.
    public func authenticated(
        by authenticator: Authenticator,
        anyOf roles: Set<Role> = [],
        acceptsQueryToken: Bool = false
    ) -> RouterGroup<APIRequestContext> {
        group()
            .add(middleware: AuthenticationMiddleware(authenticator, acceptsQueryToken: acceptsQueryToken))
            .add(middleware: RoleMiddleware(anyOf: roles))
    }
}
