public import AccessControl
public import EdgeRuntime
import EventLog
public import HTTPAPI
import HTTPFront
import HTTPTypes
public import Hummingbird
public import NIOCore
import ServiceKit

/// The shared part of the WebSocket surfaces: parses the handshake, verifies the token or redeems the ticket, and checks the origin.
public struct WebSocketFront: Sendable {
    private let authenticator: Authenticator
    private let origins: OriginPolicy
    private let allowsCompression: Bool

    /// Creates the front from the settings `cors.origins` and `websocket.compression`.
    public init(_ parts: EdgeProcess.Parts) {
        self.authenticator = parts.authenticator
        self.origins = parts.origins
        self.allowsCompression = parts.settings[.webSocketCompression]
    }

    /// Validates a request's WebSocket handshake. The caller sends the 101 with the handshake's fields.
    ///
    /// - Throws: ``APIError``: 400, 405 or 426 for an invalid handshake, 403 for an origin that is not allowed.
    public func handshake(_ request: Request) throws(APIError) -> WebSocketHandshake {
        let handshake: WebSocketHandshake
        do throws(WebSocketHandshakeError) {
            handshake = try WebSocketHandshake(method: request.method, fields: request.headers, allowsCompression: self.allowsCompression)
        } catch {
            throw .handshake(error.message, status: error.status, headers: error.fields)
        }
        guard self.origins.allows(request.head) else {
            throw .forbidden("Pages of this origin may not connect: name the origin in CORS_ORIGINS of this service.")
        }
        return handshake
    }

    /// Authenticates by the query's `ticket` alone, or by the header `Authorization`, else the query's `token`, else `bearer.<token>` among
    /// the subprotocols.
    public func authenticate(
        _ request: Request,
        _ handshake: WebSocketHandshake,
        _ context: APIRequestContext
    ) async throws(AuthenticationError) -> Principal {
        let principal = try await self.authenticator.authenticate(
            request,
            from: context.remoteAddress,
            subprotocolTokens: handshake.bearerTokens,
            opensStream: true
        )
        var context = context
        context.setPrincipal(principal)
        return principal
    }

    /// Authenticates without waiting; nil for a request that is not accepted at once.
    public func authenticateAtOnce(_ request: Request, _ handshake: WebSocketHandshake) -> Principal? {
        self.authenticator.authenticateAtOnce(request, subprotocolTokens: handshake.bearerTokens)
    }

    /// Refuses a connection by close code: browsers do not expose the status of a failed handshake.
    ///
    /// - Throws: `service_unavailable`, with the channel untouched, while the log is not open.
    public func refuse(_ channel: any Channel, _ refusal: StreamRefusal, by edge: Edge) async throws(APIError) {
        do throws(EventLogError) {
            try await edge.refuse(channel, refusal)
        } catch {
            throw .serviceUnavailable("The event log is out of reach. Retry later.", retryAfter: 5)
        }
    }

    /// Encodes the response head of the 101.
    public func head(of handshake: WebSocketHandshake, _ identity: RequestIdentity) -> [UInt8] {
        var fields = handshake.responseFields
        fields[.requestID] = identity.requestID
        return ResponseHead.bytes(status: .switchingProtocols, fields: fields)
    }
}
