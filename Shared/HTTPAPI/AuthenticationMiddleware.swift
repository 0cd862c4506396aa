public import AccessControl
public import Hummingbird
import Logging

extension Authenticator {
    /// Who a request comes from (contract §1): the header `Authorization`, or the query parameter `token` where that is accepted.
    /// - Parameter acceptsQueryToken: whether the surface is one that browsers reach without headers (SSE, WebSocket).
    public func authenticate(_ request: Request, acceptsQueryToken: Bool) async throws(AuthenticationError) -> Principal {
        let token = try Credential.bearer(
            authorization: request.headers[values: .authorization],
            queryTokens: acceptsQueryToken ? QueryParameters(unbounded: request.uri.query).decodableValues("token") : []
        )
        return try await authenticate(token)
    }
}

/// Lets a request pass only with a token that is accepted, and names its bearer in the context.
public struct AuthenticationMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    private let authenticator: Authenticator
    private let acceptsQueryToken: Bool

    /// - Parameter acceptsQueryToken: whether the query parameter `token` will do as well.
    public init(_ authenticator: Authenticator, acceptsQueryToken: Bool = false) {
        self.authenticator = authenticator
        self.acceptsQueryToken = acceptsQueryToken
    }

    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        do throws(AuthenticationError) {
            context.setPrincipal(try await authenticator.authenticate(request, acceptsQueryToken: acceptsQueryToken))
        } catch {
            context.logger.debug("Token refused", metadata: ["auth.reason": "\(error.reason.rawValue)"])
            throw APIError(error)
        }
        return try await next(request, context)
    }
}

/// Lets a request pass only if its bearer has one of the roles. Stands inside ``AuthenticationMiddleware``.
public struct RoleMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    private let roles: Set<Role>

    public init(anyOf roles: Set<Role>) {
        self.roles = roles
    }

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
    /// Routes that need a token with one of `roles`; any accepted token, if `roles` is empty.
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
