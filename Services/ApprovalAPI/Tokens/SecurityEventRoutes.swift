import AccessControl
import Basics
import HTTPAPI
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// `/v1/tokens/events`: takes Security Event Tokens of an identity provider, pushed as RFC 8935 says, and revokes what they name (contract
/// §13).
struct SecurityEventRoutes: Sendable {
    private static let path: RouterPath = "/v1/tokens/events"
    private static let mediaType = "application/secevent+jwt"

    let backend: ApprovalBackend
    /// Nil in a process without an issuer of security events.
    let verifier: SecurityEventVerifier?
    let share: SecurityEventShare
    let counts: SecurityEventCounts

    /// Registers the route on `routes`, which must not authenticate: the token's signature does.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.post(Self.path) { request, context in
            do {
                return try await self.take(request, context)
            } catch let error as SecurityEventError {
                return try Self.refusal(error, context)
            }
        }
    }

    private func take(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        guard let verifier else {
            throw APIError.notFound("Security events are not accepted here: SECURITY_EVENTS_ISSUER is not set.")
        }
        try verifier.authenticate(authorization: request.headers[values: .authorization])
        try request.requireContentType(anyOf: [Self.mediaType])
        let body = try await request.readBody(upTo: verifier.maximumBytes)
        let events = try await verifier.verify(Array(body.readableBytesView))
        context.tokenAccepted()
        if let revocation = events.revocation {
            let revocations = try backend.parts().revocations
            try share.admit(revocation, knowing: revocations.known)
            // Also a repetition: the stream may be another one than that from which this process knows the revocation.
            let stored = try await revocations.store(revocation, logger: context.logger)
            context.logger.notice("tokens revoked by a security event", metadata: [LogKey.tenant: "\(stored.tenant)"])
        }
        counts.count(events)
        return Response(status: .accepted)
    }

    /// The response to a refused token: of RFC 8935 §2.3, or `service_unavailable` when it may be accepted later.
    private static func refusal(_ error: SecurityEventError, _ context: APIRequestContext) throws -> Response {
        guard !error.isRetriable else { throw APIError.serviceUnavailable(error.message, retryAfter: 1) }
        context.logger.info("security event refused", metadata: [LogKey.error: "\(error)"])
        return try .json(
            Refusal(err: error.code.rawValue, description: error.message),
            status: .badRequest,
            headers: [.contentLanguage: "en"]
        )
    }

    /// The body of a refusal (RFC 8935 §2.3).
    private struct Refusal: Encodable {
        let err: String
        let description: String
    }
}

/// Counts accepted security events, for metrics. Any thread.
final class SecurityEventCounts: Sendable {
    private let revokingCount = Atomic<Int>(0)
    private let ignoredCount = Atomic<Int>(0)

    /// Events that revoked tokens.
    var revoking: Int { revokingCount.load(ordering: .relaxed) }
    /// Events of other types, and those about tokens that have expired.
    var ignored: Int { ignoredCount.load(ordering: .relaxed) }

    /// Counts the events of an accepted token.
    func count(_ events: SecurityEvents) {
        if events.revocation != nil { revokingCount.wrappingAdd(1, ordering: .relaxed) }
        ignoredCount.wrappingAdd(events.ignored, ordering: .relaxed)
    }
}
