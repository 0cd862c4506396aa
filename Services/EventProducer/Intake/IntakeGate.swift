import Basics
import Foundation
import HTTPAPI
import HTTPTypes
import Hummingbird
import NIOCore

/// Admission control of every intake request: the sender's rate limit, memory for its body, a turn for parsing it, and counters and delays
/// of refusals. One per process, for all routes.
struct IntakeGate: Sendable {
    /// Maximum size of a body that is parsed without waiting for a turn, in bytes: parsing takes a fraction of a millisecond.
    static let briefBytes = 64 * 1024

    let limits: IntakeLimits
    let budget: BodyBudget
    let shares: IntakeShares
    let metrics = IntakeMetrics()
    /// Turns for parsing large bodies, which occupy a thread of the cooperative pool for tens of milliseconds. One sender's tenant gets at
    /// most half of the threads.
    let turns: TenantTurns
    private let refusals: RefusalDelay
    private let sleep: @Sendable (Duration) async -> Void

    /// - Parameters:
    ///   - shares: nil for those of the limits.
    ///   - refusals: delays of refusals.
    ///   - threads: of the cooperative pool, one for each processor.
    ///   - sleep: waits; returns early when the task is cancelled.
    init(
        _ limits: IntakeLimits,
        shares: IntakeShares? = nil,
        refusals: RefusalDelay = RefusalDelay(),
        threads: Int = ProcessInfo.processInfo.activeProcessorCount,
        sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) }
    ) {
        self.limits = limits
        budget = BodyBudget(limits)
        self.shares = shares ?? IntakeShares(limits)
        turns = TenantTurns(limit: max(1, threads / 2))
        self.refusals = refusals
        self.sleep = sleep
    }

    /// Reads a request's body, admits it and stores its events.
    ///
    /// - Parameters:
    ///   - take: parses the body, and admits the events with their tenants' rate limits (``IntakeShares/take(_:)``).
    ///   - store: stores what `take` returned.
    /// - Throws: `rate_limited` when the sender's events, bytes or body memory are used up; `service_unavailable` when the process's body
    ///   memory is; errors of `take` and `store`.
    func admit<Events: Sendable>(
        _ request: Request,
        from publisher: Publisher,
        taking take: (ByteBuffer) throws -> Events,
        storing store: (Events) async throws -> Response
    ) async throws -> Response {
        do {
            // A service publishes for many tenants; one tenant's exhausted limit says nothing about its next request.
            if !publisher.mayNameTenants { try shares.checkIsLeft(for: publisher.home) }
            let declared = request.headers[.contentLength].flatMap { Int($0) }
            // A declared size above the limit is refused regardless of room; a body without a length may grow to the limit.
            let reserved = declared.map { $0 > limits.bodyBytes ? 0 : max($0, 0) } ?? limits.bodyBytes
            do {
                return try await budget.withReserved(reserved, for: publisher.home) {
                    try await read(request, from: publisher, taking: take, storing: store)
                }
            } catch let shortage as BodyBudget.Shortage {
                throw APIError(shortage)
            }
        } catch {
            metrics.refused(error)
            // The memory of the request's body is released by now.
            if let error = error as? APIError, error.code == .rateLimited, let seconds = error.headers[.retryAfter].flatMap({ Int($0) }) {
                let delay = refusals.delay(for: publisher.home, retryAfter: seconds)
                if delay > .zero { await sleep(delay) }
            }
            throw error
        }
    }

    private func read<Events: Sendable>(
        _ request: Request,
        from publisher: Publisher,
        taking take: (ByteBuffer) throws -> Events,
        storing store: (Events) async throws -> Response
    ) async throws -> Response {
        let body = try await request.readBody(upTo: limits.bodyBytes, within: limits.bodyTimeout)
        do {
            guard body.readableBytes > Self.briefBytes else { return try await store(take(body)) }
            // Off the request's thread: it is an event loop, which serves other connections.
            return try await withTaskExecutorPreference(globalConcurrentExecutor) {
                try await store(turns.run(for: publisher.home) { try take(body) })
            }
        } catch {
            charge(error, bytes: body.readableBytes, to: publisher)
            throw error
        }
    }

    /// Charges a refused request to its sender, if its fault was found by reading it.
    func charge(_ error: any Error, bytes: Int, to publisher: Publisher) {
        guard let error = error as? APIError, error.status.kind == .clientError, error.status != .tooManyRequests else { return }
        shares.charge(IntakeShares.Use(events: 1, bytes: bytes), to: publisher.home)
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
