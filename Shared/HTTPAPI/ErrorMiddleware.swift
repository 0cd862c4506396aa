import AccessControl
public import Hummingbird
import Logging
import NIOHTTP1

/// Turns every error into the response of contract §1. What nobody foresaw is logged with its cause and answered with `internal`,
/// which tells the client nothing.
public struct ErrorMiddleware: RouterMiddleware {
    public typealias Context = APIRequestContext

    public init() {}

    public func handle(
        _ request: Request,
        context: APIRequestContext,
        next: (Request, APIRequestContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPParserError {
            // The bytes on the connection are no HTTP any more. The server answers 400 and closes; nothing may be written before that.
            throw error
        } catch {
            if let expected = APIError(expected: error) { return try expected.response(to: request.method) }
            context.logger.error(
                "Request failed",
                metadata: [
                    "error.type": "\(type(of: error))", "error": "\(Redaction.redacted(text: String(describing: error)))",
                    "http.target": "\(Redaction.redacted(target: request.uri.string))",
                ]
            )
            return try APIError.internal.response(to: request.method)
        }
    }
}
