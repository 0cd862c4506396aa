import HTTPTypes
public import Hummingbird
import Synchronization

/// Further `GET` routes of the admin listener, for what only one kind of process can answer. Register before the listener starts. Any thread.
///
/// They may show users, so ``OperatorHost`` is checked. Not for the routes of every process: platforms ask for those by any name.
public final class AdminRoutes: Sendable {
    /// Answers a request; a thrown `APIError` becomes the response.
    public typealias Handler = @Sendable (Request) async throws -> Response

    private let handlers = Mutex<[(path: String, handler: Handler)]>([])

    /// Creates an empty table.
    public init() {}

    /// Adds a route.
    ///
    /// - Parameter path: one segment, without a slash.
    public func get(_ path: String, _ handler: @escaping Handler) {
        self.handlers.withLock { $0.append((path, handler)) }
    }

    func register(on router: Router<BasicRequestContext>) {
        for (path, handler) in self.handlers.withLock({ $0 }) {
            router.get(RouterPath(path)) { request, _ in
                try OperatorHost.check(request.head.authority)
                var response = try await handler(request)
                response.headers[.cacheControl] = "no-store"
                return response
            }
        }
    }
}
