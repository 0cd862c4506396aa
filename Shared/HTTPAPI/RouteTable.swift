public import HTTPTypes
public import Hummingbird

/// Records the methods of each path, so that other methods get 405 with `Allow` (RFC 9110 §15.5.6) instead of the router's 404.
///
/// Register routes and groups on the table instead of the router, then call ``refuseOtherMethods()`` once. Not thread-safe; for start-up.
///
/// ```swift
/// let routes = RouteTable(router)
/// routes.authenticated(by: authenticator, anyOf: [.admin]).post("/v1/notifications/approvals/:id") { … }
/// routes.refuseOtherMethods()
/// ```
public final class RouteTable<Context: RequestContext>: RouterMethods {
    private struct Entry {
        let path: RouterPath
        var responders: [HTTPRequest.Method: any HTTPResponder<Context>] = [:]
        /// Whether its `GET` is a protocol upgrade, which has no `HEAD`.
        var isUpgrade = false
    }

    private let router: Router<Context>
    private var entries: [String: Entry] = [:]

    /// Creates a table for a router.
    public init(_ router: Router<Context>) {
        self.router = router
    }

    /// Registers a route and records its method.
    @discardableResult
    public func on<Responder: HTTPResponder>(_ path: RouterPath, method: HTTPRequest.Method, responder: Responder) -> Self
    where Responder.Context == Context {
        router.on(path, method: method, responder: responder)
        entries[path.description, default: Entry(path: path)].responders[method] = responder
        return self
    }

    /// Registers a `GET` that upgrades the connection (RFC 9110 §7.8), such as WebSocket; its path has no `HEAD`.
    @discardableResult
    public func upgrade(
        _ path: RouterPath,
        use handler: @Sendable @escaping (Request, Context) async throws -> some ResponseGenerator
    ) -> Self {
        get(path, use: handler)
        entries[path.description]?.isUpgrade = true
        return self
    }

    /// Adds a middleware to the router, for routes registered from now on.
    @discardableResult
    public func add(middleware: any MiddlewareProtocol<Request, Response, Context>) -> Self {
        router.add(middleware: middleware)
        return self
    }

    /// Completes every path: `HEAD` for a `GET` that is no upgrade, `OPTIONS` with the allowed methods, and 405 for other methods of RFC
    /// 9110 and RFC 5789. Unknown methods remain 404.
    public func refuseOtherMethods() {
        for entry in entries.values {
            complete(entry)
        }
        entries = [:]
    }

    private func complete(_ entry: Entry) {
        var known = Set(entry.responders.keys)
        if !known.contains(.head), !entry.isUpgrade, let get = entry.responders[.get] {
            router.on(entry.path, method: .head) { request, context in
                try await get.respond(to: request, context: context).createHeadResponse()
            }
            known.insert(.head)
        }
        let hasOptions = known.contains(.options)
        let allow = (Array(known) + (hasOptions ? [] : [.options])).sorted { $0.rawValue < $1.rawValue }
        if !hasOptions {
            let names = allow.map(\.rawValue).joined(separator: ", ")
            router.on(entry.path, method: .options) { _, _ in Response(status: .noContent, headers: [.allow: names]) }
        }
        for method in Self.standardMethods where !allow.contains(method) {
            router.on(entry.path, method: method) { _, _ -> Response in throw APIError.methodNotAllowed(allow: allow) }
        }
    }

    private static var standardMethods: [HTTPRequest.Method] { [.get, .head, .post, .put, .patch, .delete, .options, .trace, .connect] }
}
