public import AccessControl
import Basics
public import EdgeRuntime
import EventModel
public import HTTPAPI
import HTTPTypes
public import Hummingbird
package import Logging
import NIOCore
package import ServiceKit
import Synchronization

/// The routes of the quick door, by path: streams whose requests can be checked without waiting. Other requests go to the router.
///
/// A route registered here must apply the same rules as its handler in the router: put them in one function that both call.
public final class DoorRoutes: Sendable {
    /// Checks a request; nil if the router must answer it, also with an error.
    public typealias Validator = @Sendable (Request, RequestIdentity) -> StreamRequest?

    private let validators = Mutex<[String: Validator]>([:])

    /// Creates an empty table.
    public init() {}

    /// Registers the check for a path without parameters.
    public func on(_ path: RouterPath, _ validate: @escaping Validator) {
        validators.withLock { $0[path.description] = validate }
    }

    /// Registers the check for a path that requires a token with one of `roles`, in the header `Authorization` or in the query. A request
    /// with a ticket goes to the router, which can wait for the bus.
    public func authenticated(
        by authenticator: Authenticator,
        anyOf roles: Set<Role>,
        on path: RouterPath,
        _ validate: @escaping @Sendable (Request, Principal, RequestIdentity) throws -> StreamRequest
    ) {
        on(path) { request, identity in
            guard request.headers[.upgrade] == nil, let principal = authenticator.authenticateAtOnce(request),
                principal.has(anyOf: roles)
            else { return nil }
            return try? validate(request, principal, identity)
        }
    }

    /// Returns the door for the routes registered so far; nil if `quick.door` is false.
    package func quickDoor(of edge: Edge, _ settings: Settings, _ logger: Logger) -> EdgeDoor? {
        guard settings[.quickDoor] else { return nil }
        return EdgeDoor(edge, surface: Surface(validators: validators.withLock { $0 }, logger: logger), logger: logger)
    }

    private struct Surface: DoorSurface {
        let validators: [String: Validator]
        let logger: Logger

        func stream(for request: HTTPRequest) -> (stream: StreamRequest, route: String)? {
            guard let path = request.path?.prefix(while: { $0 != "?" }).description, let validate = validators[path] else { return nil }
            let whole = Request(head: request, body: RequestBody(buffer: ByteBuffer()))
            return validate(whole, RequestIdentity(of: request.headerFields)).map { ($0, path) }
        }

        func opened(_ stream: StreamRequest, at route: String, for request: HTTPRequest, after duration: Duration) {
            AccessLog.record(
                request,
                route: route,
                status: HTTPResponse.Status.ok.code,
                principal: stream.principal,
                duration: duration,
                to: logger.ofRequest(RequestIdentity(requestID: stream.requestID, trace: stream.trace))
            )
        }
    }
}
