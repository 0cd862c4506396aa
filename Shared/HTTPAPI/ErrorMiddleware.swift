import AccessControl
import Basics
public import Hummingbird
import Logging
import NIOHTTP1

/// Converts every error to the JSON error response of contract §1. Unexpected errors are logged with their cause and answered with
/// `internal`, without details.
public struct ErrorMiddleware: RouterMiddleware {
    /// The context that the router must have.
    public typealias Context = APIRequestContext

    /// Creates the middleware.
    public init() {}

    /// Calls `next` and converts what it throws.
    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPParserError {
            // Malformed HTTP: the server responds with 400 and closes; nothing may be written before that.
            throw error
        } catch {
            if let expected = APIError(expected: error) { return try expected.response(to: request.method) }
            context.logger.error(
                "Request failed",
                metadata: [
                    LogKey.errorType: "\(type(of: error))", LogKey.error: "\(Redaction.redacted(text: String(describing: error)))",
                    LogKey.httpTarget: "\(Redaction.redacted(target: request.uri.string))",
                ]
            )
            return try APIError.internal.response(to: request.method)
        }
    }
}
