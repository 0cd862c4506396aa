import Basics
import HTTPAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// What every request of the intake passes before and after it is read, on every route: its sender's share, the memory for its body, and the
/// count of what is refused. One for all routes of the process.
struct IntakeGate: Sendable {
    let limits: IntakeLimits
    let budget: BodyBudget
    let shares: IntakeShares
    let metrics = IntakeMetrics()

    /// - Parameter shares: nil for those that the limits set.
    init(_ limits: IntakeLimits, shares: IntakeShares? = nil) {
        self.limits = limits
        budget = BodyBudget(limits)
        self.shares = shares ?? IntakeShares(limits)
    }

    /// Reads the body of a request and has it taken in.
    ///
    /// - Parameter take: takes the events in, their tenants' shares included (``IntakeShares/take(_:)``).
    /// - Throws: `rate_limited` for a sender that has nothing left, of its events, bytes or memory for bodies; `service_unavailable` when nobody has memory
    ///   left; and what `take` throws.
    func admit(_ request: Request, from publisher: Publisher, _ take: (ByteBuffer) async throws -> Response) async throws -> Response {
        do {
            // A service publishes for many tenants; that one of them has nothing left says nothing about its next request.
            if !publisher.mayNameTenants { try shares.checkIsLeft(for: publisher.home) }
            let declared = request.headers[.contentLength].flatMap { Int($0) }
            // A body that says it is too large is refused whether or not there is room; one without a length may grow to the limit.
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
    /// No memory for the body of a request: 429 where the tenant's own requests hold its share, else 503.
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
