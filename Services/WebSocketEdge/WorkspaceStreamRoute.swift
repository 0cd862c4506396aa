import AccessControl
import Basics
import EdgeRuntime
import EdgeService
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import Logging
import ServiceKit

/// `GET /v1/stream`: accepts the WebSocket before authenticating, because browsers expose close codes but not statuses. Contract §5.
struct WorkspaceStreamRoute: Sendable {
    static let path: RouterPath = "/v1/stream"
    private static let rules = (plain: WebSocketRules(), compressed: WebSocketRules(allowsCompression: true))

    let edge: Edge
    let front: WebSocketFront
    let logger: Logger
    /// Shared: compressing the same event again gives the same bytes.
    private let deflater = Deflater()

    init(edge: Edge, front: WebSocketFront, logger: Logger) {
        self.edge = edge
        self.front = front
        self.logger = logger
    }

    /// Registers the route.
    func register(on routes: RouteTable<APIRequestContext>, door: DoorRoutes) {
        door.on(Self.path) { self.validate($0, $1) }
        routes.upgrade(Self.path) { request, context in
            let accepted = try self.accept(request, context.identity)
            do throws(Refusal) {
                let principal = try await self.principal(request, accepted.handshake, context)
                let stream = try Self.stream(accepted, of: principal)
                switch self.edge.admit(tenant: principal.tenant) {
                case .admitted(let admission): try await self.open(stream, admission, on: context)
                case .refused(let ending): throw Refusal(ending, user: principal.user)
                }
            } catch {
                if let answer = error.answer { throw answer }
                try await self.front.refuse(context.channel, accepted.refused(error), by: self.edge)
            }
            // The connection has left NIO, so this response is not sent.
            return Response(status: .ok)
        }
    }

    /// Returns the stream of a request that can be checked without waiting; nil otherwise.
    private func validate(_ request: Request, _ identity: RequestIdentity) -> StreamRequest? {
        guard let accepted = try? self.accept(request, identity),
            let principal = self.front.authenticateAtOnce(request, accepted.handshake)
        else { return nil }
        return try? Self.stream(accepted, of: principal)
    }

    /// Validates a handshake, before authentication.
    private func accept(_ request: Request, _ identity: RequestIdentity) throws -> Accepted {
        let handshake = try self.front.handshake(request)
        let query = QueryParameters(unbounded: request.uri.query)
        let cursor = request.lastEventID
        let rules = handshake.isCompressed ? Self.rules.compressed : Self.rules.plain
        return Accepted(
            handshake: handshake,
            filter: try query.typeFilter(),
            cursor: cursor,
            workspaces: query.decodableValues("workspace"),
            encoder: WorkspaceEncoder(carriesIDs: cursor != nil, deflater: handshake.isCompressed ? self.deflater : nil),
            inbound: .webSocket(rules, renewals: WorkspaceRenewal.reader),
            head: self.front.head(of: handshake, identity),
            identity: identity
        )
    }

    /// Creates the stream request of a principal.
    private static func stream(_ accepted: Accepted, of principal: Principal) throws(Refusal) -> StreamRequest {
        try self.checkWorkspace(of: principal, named: accepted.workspaces)
        return StreamRequest(
            principal: principal,
            filter: accepted.filter,
            start: StreamRequest.Start(cursor: accepted.cursor),
            encoder: accepted.encoder,
            inbound: accepted.inbound,
            head: accepted.head,
            requestID: accepted.identity.requestID,
            trace: accepted.identity.trace
        )
    }

    // MARK: After the connection is accepted

    /// The parsed handshake, for streams and for refusals.
    private struct Accepted {
        let handshake: WebSocketHandshake
        let filter: TypeFilter?
        let cursor: String?
        /// The values of `workspace` in the query.
        let workspaces: [String]
        let encoder: WorkspaceEncoder
        let inbound: Inbound
        let head: [UInt8]
        let identity: RequestIdentity

        func refused(_ refusal: Refusal) -> StreamRefusal {
            StreamRefusal(
                ending: refusal.ending,
                user: refusal.user,
                encoder: self.encoder,
                inbound: self.inbound,
                head: self.head,
                requestID: self.identity.requestID,
                trace: self.identity.trace
            )
        }
    }

    /// The reason for closing a connection right after the handshake.
    private struct Refusal: Error {
        let ending: Ending
        let user: UserID?
        /// The response instead of the 101; nil if the connection is accepted and then closed with the ending's close code.
        let answer: APIError?

        init(_ ending: Ending, user: UserID? = nil, answer: APIError? = nil) {
            self.ending = ending
            self.user = user
            self.answer = answer
        }
    }

    private func principal(
        _ request: Request,
        _ handshake: WebSocketHandshake,
        _ context: APIRequestContext
    ) async throws(Refusal) -> Principal {
        do throws(AuthenticationError) {
            return try await self.front.authenticate(request, handshake, context)
        } catch  where error.reason == .ticketsUnavailable {
            throw Refusal(.unavailable)
        } catch  where error.isRetriable {
            self.logger.warning("tokens cannot be checked", metadata: [LogKey.authReason: "\(error.reason.rawValue)"])
            throw Refusal(Ending(.internalError, detail: error.message), answer: APIError(error))
        } catch {
            throw Refusal(Ending(.unauthorized, detail: error.message))
        }
    }

    private static func checkWorkspace(of principal: Principal, named workspaces: [String]) throws(Refusal) {
        guard let workspace = workspaces.first, workspaces.count == 1 else {
            throw Refusal(Ending(.wrongWorkspace, detail: "workspace: name one in the query, workspace=<id>"), user: principal.user)
        }
        do throws(ValidationError) {
            guard try Tenant(workspace, field: "workspace") == principal.tenant else {
                throw ValidationError(field: "workspace", message: "the token is for another one")
            }
        } catch {
            throw Refusal(Ending(.wrongWorkspace, detail: error.description), user: principal.user)
        }
    }

    private func open(
        _ stream: StreamRequest,
        _ admission: consuming Admission,
        on context: APIRequestContext
    ) async throws(Refusal) {
        do throws(EventLogError) {
            try await self.edge.adopt(context.channel, request: stream, admission: admission)
        } catch {
            self.logger.warning("cannot tell where a stream begins", metadata: [LogKey.error: "\(error)"])
            throw Refusal(.unavailable, user: stream.principal.user)
        }
    }
}
