public import AccessControl
import Basics
public import Hummingbird
import Logging
public import NIOCore

extension Authenticator {
    /// Authenticates a request (contract §1, §13): the header `Authorization`, or the query parameter `token` or `ticket` where the request
    /// opens a stream.
    /// - Parameters:
    ///   - peer: the address that the request came from.
    ///   - subprotocolTokens: tokens among the subprotocols of a WebSocket handshake.
    ///   - opensStream: for surfaces that browsers use without headers (SSE, WebSocket).
    public func authenticate(
        _ request: Request,
        from peer: SocketAddress?,
        subprotocolTokens: [String] = [],
        opensStream: Bool
    ) async throws(AuthenticationError) -> Principal {
        try await authenticate(from: trustedProxies.client(of: request, peer: peer)) { () throws(AuthenticationError) in
            try Credential(of: request, subprotocolTokens: subprotocolTokens, opensStream: opensStream)
        }
    }

    /// The same for the request of a stream, without waiting; nil for a request that is not accepted at once: ``authenticateAtOnce(_:)``,
    /// and every ticket.
    /// - Parameter subprotocolTokens: tokens among the subprotocols of a WebSocket handshake.
    public func authenticateAtOnce(_ request: Request, subprotocolTokens: [String] = []) -> Principal? {
        guard case .token(let token)? = try? Credential(of: request, subprotocolTokens: subprotocolTokens) else { return nil }
        return authenticateAtOnce(token)
    }
}

extension Credential {
    /// Extracts the credential of a request.
    ///
    /// - Parameters:
    ///   - subprotocolTokens: tokens among the subprotocols of a WebSocket handshake.
    ///   - opensStream: whether the query parameters `token` and `ticket` are accepted.
    /// - Throws: `missing` or `malformed`.
    public init(of request: Request, subprotocolTokens: [String] = [], opensStream: Bool = true) throws(AuthenticationError) {
        let query = QueryParameters(unbounded: request.uri.query)
        try self.init(
            authorization: request.headers[values: .authorization],
            queryTokens: query.decodableValues("token") + subprotocolTokens,
            tickets: query.decodableValues("ticket"),
            opensStream: opensStream
        )
    }
}

/// Requires an accepted token or ticket, and sets the principal in the context.
public struct AuthenticationMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    private let authenticator: Authenticator
    private let opensStream: Bool

    /// - Parameter opensStream: whether the query parameters `token` and `ticket` are accepted too.
    public init(_ authenticator: Authenticator, opensStream: Bool = false) {
        self.authenticator = authenticator
        self.opensStream = opensStream
    }

    /// Authenticates, then calls `next`; throws an `AuthenticationError`.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        do throws(AuthenticationError) {
            context.setPrincipal(try await authenticator.authenticate(request, from: context.remoteAddress, opensStream: opensStream))
        } catch {
            context.logger.debug("Token refused", metadata: [LogKey.authReason: "\(error.reason.rawValue)"])
            throw error
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
    ///
    /// - Parameter opensStream: whether the query parameters `token` and `ticket` are accepted too.
    public func authenticated(
        by authenticator: Authenticator,
        anyOf roles: Set<Role> = [],
        opensStream: Bool = false
    ) -> RouterGroup<APIRequestContext> {
        group()
            .add(middleware: AuthenticationMiddleware(authenticator, opensStream: opensStream))
            .add(middleware: RoleMiddleware(anyOf: roles))
    }
}
