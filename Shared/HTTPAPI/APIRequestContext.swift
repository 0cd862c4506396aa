public import AccessControl
import Basics
public import EventModel
public import Hummingbird
import Logging
public import NIOCore
import Synchronization

/// What is known about a request, beside the request itself. A value: what a middleware sets, it passes on.
public struct APIRequestContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// The connection the request came on; an edge takes the socket of a stream from it.
    public let channel: any Channel
    /// What `X-Request-Id` says. Set by ``RequestIDMiddleware``; empty without it.
    public private(set) var requestID = ""
    /// The trace that the request belongs to. Set by ``TraceContextMiddleware``; nil for most.
    public private(set) var trace: TraceParent?
    /// Who asks. Set by ``AuthenticationMiddleware``; nil without it.
    public private(set) var principal: Principal?
    /// Where ``AccessLogMiddleware`` learns who asked; nil without it.
    var record: RequestRecord?

    /// Hummingbird makes one for every request.
    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// The other end of the connection; behind a proxy, that is the proxy.
    public var remoteAddress: SocketAddress? { channel.remoteAddress }

    /// Names the request, in logs as well.
    public mutating func setRequestID(_ id: String) {
        requestID = id
        // Hummingbird's key, which its `RequestContext.id` reads; the log handler shows it as `request.id`.
        logger[metadataKey: "hb.request.id"] = "\(id)"
    }

    /// Says which trace the request belongs to, in logs as well.
    public mutating func setTrace(_ trace: TraceParent) {
        self.trace = trace
        logger[metadataKey: TraceParent.logKey] = "\(trace.traceID)"
    }

    /// Names who asks, in logs as well, and protects the connection (``tokenAccepted()``).
    public mutating func setPrincipal(_ principal: Principal) {
        self.principal = principal
        tokenAccepted()
        record?.principal.withLock { $0 = principal }
        logger[metadataKey: "tenant"] = "\(principal.tenant)"
        logger[metadataKey: "user"] = "\(principal.user)"
    }

    /// Keeps the connection from being closed in favour of a new one while this request is under way (``DescriptorBudget``).
    public func tokenAccepted() {
        channel.pipeline.fireUserInboundEventTriggered(DescriptorBudget.TokenAccepted())
    }

    /// Who asks.
    /// - Throws: `unauthorized` where no ``AuthenticationMiddleware`` has been passed.
    public func requirePrincipal() throws(APIError) -> Principal {
        guard let principal else { throw .unauthorized("A token is needed.") }
        return principal
    }

    /// Who asks, if it has at least one of `roles`.
    /// - Throws: `unauthorized` or `forbidden`.
    @discardableResult
    public func requireRole(anyOf roles: Set<Role>) throws(APIError) -> Principal {
        let principal = try requirePrincipal()
        guard principal.has(anyOf: roles) else { throw .missingRole(anyOf: roles) }
        return principal
    }
}

/// What is found out about a request further in, for whoever reports on it outside.
final class RequestRecord: Sendable {
    /// Who asks; nil until that is known.
    let principal = Mutex<Principal?>(nil)
}

extension APIError {
    /// 403 for a bearer without any of `roles`.
    public static func missingRole(anyOf roles: Set<Role>) -> APIError {
        let names = roles.sorted().map(\.rawValue).joined(separator: " or ")
        return .forbidden("This needs a token with the role \(names).")
    }
}
