public import Hummingbird

extension Router where Context == APIRequestContext {
    /// A router with what every public HTTP surface shares: request ids and traces, the access log, CORS, and errors as JSON, in that order
    /// from the outside, which makes every answer have an id, a line and readable headers.
    ///
    /// - Parameter origins: the pages that may use it.
    public static func api(origins: OriginPolicy = .own) -> Router<APIRequestContext> {
        let router = Router(context: APIRequestContext.self)
        router.add(middleware: RequestIDMiddleware())
        router.add(middleware: TraceContextMiddleware())
        router.add(middleware: AccessLogMiddleware())
        router.add(middleware: CrossOriginMiddleware(origins))
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: HeaderTextMiddleware())
        return router
    }
}
