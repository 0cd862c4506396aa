import Basics
import HTTPAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// Admission control of every intake request: the sender's rate limit, memory for its body, and counters of refusals. One per process, for all
/// routes.
struct IntakeGate: Sendable {
    let limits: IntakeLimits
    let budget: BodyBudget
    let shares: IntakeShares
    let metrics = IntakeMetrics()

    /// - Parameter shares: nil for those of the limits.
    init(_ limits: IntakeLimits, shares: IntakeShares? = nil) {
        self.limits = limits
        budget = BodyBudget(limits)
        self.shares = shares ?? IntakeShares(limits)
    }

    /// Reads a request's body and admits it.
    ///
    /// - Parameter take: admits the events, with their tenants' rate limits (``IntakeShares/take(_:)``).
    /// - Throws: `rate_limited` when the sender's events, bytes or body memory are used up; `service_unavailable` when the process's body memory is;
    ///   errors of `take`.
    func admit(_ request: Request, from publisher: Publisher, _ take: (ByteBuffer) async throws -> Response) async throws -> Response {
        do {
            // A service publishes for many tenants; one tenant's exhausted limit says nothing about its next request.
            if !publisher.mayNameTenants { try shares.checkIsLeft(for: publisher.home) }
            let declared = request.headers[.contentLength].flatMap { Int($0) }
            // A declared size above the limit is refused regardless of room; a body without a length may grow to the limit.
            let reserved = declared.map { $0 > limits.bodyBytes ? 0 : max($0, 0) } ?? limits.bodyBytes
            do {
                return try await budget.withReserved(reserved, for: publisher.home) {
                    try await read(request, from: publisher, take)
                }
            } catch let shortage as BodyBudget.Shortage {
                throw APIError(shortage)
            }
        } catch {
            metrics.refused(error)
            throw error
        }
    }

    private func read(_ request: Request, from publisher: Publisher, _ take: (ByteBuffer) async throws -> Response) async throws -> Response
    {
        let body = try await request.readBody(upTo: limits.bodyBytes, within: limits.bodyTimeout)
        do {
            return try await take(body)
        } catch let error as APIError where error.status.kind == .clientError && error.status != .tooManyRequests {
            shares.charge(IntakeShares.Use(events: 1, bytes: body.readableBytes), to: publisher.home)
            throw error
        }
    }
}

extension APIError {
    /// The response without body memory: 429 where the tenant's own requests use its share, else 503.
    init(_ shortage: BodyBudget.Shortage) {
        switch shortage {
        case .share:
            self = .rateLimited(
                "The tenant's other requests hold its share of the memory for bodies: wait for their answers, or send smaller ones.",
                retryAfter: 1
            )
        case .budget:
            self = .serviceUnavailable("The intake is at capacity: send the request again in a moment.", retryAfter: 1)
        }
    }
}
