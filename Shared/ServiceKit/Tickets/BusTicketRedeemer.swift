public import AccessControl
public import Basics
import EventLog
public import Logging
import Synchronization

/// Redeems tickets on the bus, once the log is open. Any thread.
public final class BusTicketRedeemer: TicketRedeemer {
    private struct State {
        var stream: TicketStream?
        var running = 0
        var rate: TokenBucket
    }

    /// Maximum number of concurrent redemptions; further ones are ``TicketRedemption/unavailable`` at once. Anybody can send tickets, and
    /// while the bus does not answer, each redemption waits until its time limit.
    static let maximumRunning = 1024
    /// Redemptions a second, and how many at once after a pause: strangers can send tickets as fast as the process parses requests, and the bus serves everybody.
    static let perSecond = 5_000.0
    static let burst = 10_000.0

    private let logger: Logger
    private let now: WallClock
    private let steadyNow: @Sendable () -> Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - now: milliseconds since 1970 UTC.
    ///   - steadyNow: the time since any fixed point, for the limit of redemptions a second.
    public init(
        logger: Logger,
        now: @escaping WallClock = SystemClock.now,
        steadyNow: @escaping @Sendable () -> Duration = SteadyTime.now
    ) {
        self.logger = logger
        self.now = now
        self.steadyNow = steadyNow
        state = Mutex(State(rate: TokenBucket(capacity: Self.burst, perSecond: Self.perSecond, at: steadyNow())))
    }

    /// Makes the stream available. Before, every ticket is ``TicketRedemption/unavailable``.
    public func begin(_ stream: TicketStream) { state.withLock { $0.stream = stream } }

    /// Redeems a ticket; ``TicketRedemption/unavailable`` before ``begin(_:)``, beyond ``maximumRunning``, and while the bus does not
    /// answer.
    public func redeem(_ ticket: Ticket) async -> TicketRedemption {
        guard let stream = enter() else { return .unavailable }
        defer { state.withLock { $0.running -= 1 } }
        do throws(EventLogError) {
            return try await stream.redeem(ticket, now: now)
        } catch {
            logger.warning(
                "a ticket could not be redeemed",
                metadata: [LogKey.stream: "\(EventLogConfiguration.ticketsName)", LogKey.error: "\(error)"]
            )
            return .unavailable
        }
    }

    /// The redemptions that wait for the bus.
    var running: Int { state.withLock { $0.running } }

    private func enter() -> TicketStream? {
        let time = steadyNow()
        return state.withLock { state in
            guard let stream = state.stream, state.running < Self.maximumRunning, state.rate.take(at: time) else { return nil }
            state.running += 1
            return stream
        }
    }
}
