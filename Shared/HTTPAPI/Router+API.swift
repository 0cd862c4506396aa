public import Hummingbird

extension Router where Context == APIRequestContext {
    /// Creates a router with the middleware of every public HTTP surface, from the outside: request ids and traces, access log, CORS, JSON
    /// errors. So every response has an id, a log line and CORS headers.
    ///
    /// - Parameters:
    ///   - origins: the allowed pages.
    ///   - counts: counts the requests.
    public static func api(origins: OriginPolicy = .own, counts: RequestCounts = .ofProcess) -> Router<APIRequestContext> {
        let router = Router(context: APIRequestContext.self)
        router.add(middleware: RequestIDMiddleware())
        router.add(middleware: TraceContextMiddleware())
        router.add(middleware: AccessLogMiddleware(counts: counts))
        router.add(middleware: CrossOriginMiddleware(origins))
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: HeaderTextMiddleware())
        return router
    }
}
