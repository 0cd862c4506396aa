import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EventLog
import EventModel
import HTTPAPI
import HTTPTypes
import Hummingbird
import Logging
import ServiceKit

/// `GET /v1/connect`: authorises the request, then upgrades it to a WebSocket. Contract §6.
struct RelayRoute: Sendable {
    static let path: RouterPath = "/v1/connect"
    /// The roles that may connect, renew a connection's token, and read the relay's status.
    static let roles: Set<Role> = [.admin, .member]

    let edge: Edge
    let front: WebSocketFront
    private let plain: RelayProfile
    private let compressed: RelayProfile

    init(edge: Edge, front: WebSocketFront, bus: CommandBus, rules: WebSocketRules) {
        self.edge = edge
        self.front = front
        func encoder(_ deflater: Deflater?) -> RelayEncoder { RelayEncoder(carriesIDs: false, deflater: deflater, makeULID: ULID.now) }
        self.plain = RelayProfile(bus: bus, rules: rules, encoder: encoder(nil))
        // One deflater: compressing the same event again gives the same bytes.
        self.compressed = RelayProfile(bus: bus, rules: rules.allowingCompression(), encoder: encoder(Deflater()))
    }

    /// Registers the route.
    func register(on routes: RouteTable<APIRequestContext>, door: DoorRoutes) {
        door.on(Self.path) { self.validate($0, $1) }
        routes.upgrade(Self.path) { request, context in try await self.connect(request, context) }
    }

    /// Returns the stream of a request that can be checked without waiting; nil otherwise.
    private func validate(_ request: Request, _ identity: RequestIdentity) -> StreamRequest? {
        guard let handshake = try? self.front.handshake(request),
            let principal = self.front.authenticateAtOnce(request, handshake)
        else { return nil }
        return try? self.stream(request, handshake, of: principal, identity).request
    }

    private func connect(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let handshake = try self.front.handshake(request)
        let principal: Principal
        do throws(AuthenticationError) {
            principal = try await self.front.authenticate(request, handshake, context)
        } catch  where error.reason == .ticketsUnavailable {
            let head = self.front.head(of: handshake, context.identity)
            return try await self.refuse(.unavailable, user: nil, self.profile(of: handshake).encoder, head, context)
        } catch {
            throw APIError(error)
        }
        let (stream, encoder) = try self.stream(request, handshake, of: principal, context.identity)
        let admission: Admission
        switch self.edge.admit(tenant: principal.tenant) {
        case .admitted(let taken): admission = taken
        case .refused(let ending): return try await self.refuse(ending, user: principal.user, encoder, stream.head, context)
        }
        do throws(EventLogError) {
            try await self.edge.adopt(context.channel, request: stream, admission: admission)
        } catch {
            context.logger.warning("cannot tell where a stream begins", metadata: [LogKey.error: "\(error)"])
            return try await self.refuse(.unavailable, user: principal.user, encoder, stream.head, context)
        }
        // The connection has left NIO; this response is not sent.
        return Response(status: .ok)
    }

    /// Creates the stream request of a principal.
    private func stream(
        _ request: Request,
        _ handshake: WebSocketHandshake,
        of principal: Principal,
        _ identity: RequestIdentity
    ) throws(APIError) -> (request: StreamRequest, encoder: RelayEncoder) {
        guard principal.has(anyOf: Self.roles) else { throw .missingRole(anyOf: Self.roles) }
        // A cursor is never refused, also a malformed one (contract §3).
        let lastEventID = request.lastEventID
        try Self.checkTenant(of: principal, named: request.headers[values: .tenantID])
        let profile = self.profile(of: handshake)
        let traceparent = identity.trace?.text
        let stream = StreamRequest(
            principal: principal,
            encoder: profile.encoder,
            inbound: .webSocket(profile.rules) {
                RelayConversation(profile: profile, roles: principal.roles, traceparent: traceparent, lastEventID: lastEventID)
            },
            head: self.front.head(of: handshake, identity),
            requestID: identity.requestID,
            trace: identity.trace
        )
        return (stream, profile.encoder)
    }

    private func profile(of handshake: WebSocketHandshake) -> RelayProfile { handshake.isCompressed ? self.compressed : self.plain }

    /// Refuses a connection by close code.
    private func refuse(
        _ ending: Ending,
        user: UserID?,
        _ encoder: RelayEncoder,
        _ head: [UInt8],
        _ context: APIRequestContext
    ) async throws -> Response {
        let refusal = StreamRefusal(
            ending: ending,
            user: user,
            encoder: encoder,
            inbound: .webSocket(self.plain.rules),
            head: head,
            requestID: context.requestID,
            trace: context.trace
        )
        try await self.front.refuse(context.channel, refusal, by: self.edge)
        return Response(status: .ok)
    }

    private static func checkTenant(of principal: Principal, named names: [String]) throws(APIError) {
        guard names.allSatisfy({ (try? Tenant($0)) == principal.tenant }) else {
            throw .forbidden("X-Tenant-Id names another tenant than the token: leave it out, or send the token's.")
        }
    }
}

extension HTTPField.Name {
    fileprivate static var tenantID: HTTPField.Name {
        guard let name = HTTPField.Name("X-Tenant-Id") else { preconditionFailure("a constant that is a token") }
        return name
    }
}

extension ULID {
    /// Creates a ULID of the current time.
    static let now: @Sendable () -> String = {
        return ULID.generate()
    }
}
