public import AccessControl
package import Basics
public import EventModel
public import Hummingbird
import Logging
public import NIOCore
import Synchronization

/// Per-request state. A value: each middleware passes on its changes.
public struct APIRequestContext: RequestContext {
    /// Hummingbird's part of the context.
    public var coreContext: CoreRequestContextStorage
    /// The request's connection; an edge takes a stream's socket from it.
    public let channel: any Channel
    /// The `X-Request-Id`. Set by ``RequestIDMiddleware``; empty without it.
    public private(set) var requestID = ""
    /// The request's trace. Set by ``TraceContextMiddleware``; nil without one.
    public private(set) var trace: TraceParent?
    /// The authenticated identity. Set by ``AuthenticationMiddleware``; nil without it.
    public private(set) var principal: Principal?
    /// Passes the principal to outer middleware.
    let record = RequestRecord()

    /// Creates a context; called by Hummingbird per request.
    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The peer's address; behind a proxy, the proxy's.
    public var remoteAddress: SocketAddress? { channel.remoteAddress }

    /// Hummingbird's `endpointPath` of a request that no route takes.
    private static let unrouted = "NotFound"

    /// The pattern of the request's route; nil if no route takes it.
    var routePattern: String? { endpointPath.flatMap { $0 == Self.unrouted ? nil : $0 } }

    /// Sets the request id, in logs too.
    public mutating func setRequestID(_ id: String) {
        requestID = id
        // Hummingbird's key, which its `RequestContext.id` reads; the log handler shows it as `request.id`.
        logger[metadataKey: "hb.request.id"] = "\(id)"
    }

    /// Sets the trace, in logs too.
    public mutating func setTrace(_ trace: TraceParent) {
        self.trace = trace
        logger[metadataKey: LogKey.traceID] = "\(trace.traceID)"
    }

    /// Sets the principal, in logs too, and protects the connection (``tokenAccepted()``).
    public mutating func setPrincipal(_ principal: Principal) {
        self.principal = principal
        tokenAccepted()
        record.principal.withLock { $0 = principal }
        logger[metadataKey: LogKey.tenant] = "\(principal.tenant)"
        logger[metadataKey: LogKey.user] = "\(principal.user)"
    }

    /// Protects the connection from eviction while this request is in progress (``DescriptorBudget``).
    public func tokenAccepted() { Self.connectionPlace?.place?.requestAccepted() }

    /// The place of the connection whose requests the task answers. Set by the listener; nil in tests without one.
    @TaskLocal package static var connectionPlace: DescriptorBudget.Holder?

    /// Returns the principal.
    /// - Throws: `unauthorized` outside of ``AuthenticationMiddleware``.
    public func requirePrincipal() throws(APIError) -> Principal {
        guard let principal else { throw .unauthorized("A token is needed.") }
        return principal
    }

    /// Returns the principal, if it has at least one of `roles`.
    /// - Throws: `unauthorized` or `forbidden`.
    @discardableResult
    public func requireRole(anyOf roles: Set<Role>) throws(APIError) -> Principal {
        let principal = try requirePrincipal()
        guard principal.has(anyOf: roles) else { throw .missingRole(anyOf: roles) }
        return principal
    }
}

/// Carries facts about a request from inner to outer middleware.
final class RequestRecord: Sendable {
    /// The principal; nil until known.
    let principal = Mutex<Principal?>(nil)
}

extension APIError {
    /// 403: the bearer has none of `roles`.
    public static func missingRole(anyOf roles: Set<Role>) -> APIError {
        let names = roles.sorted().map(\.rawValue).joined(separator: " or ")
        return .forbidden("This needs a token with the role \(names).")
    }
}
