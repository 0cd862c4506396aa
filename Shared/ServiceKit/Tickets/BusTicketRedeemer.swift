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
        var guesses: GuessShares
    }

    /// Maximum number of concurrent redemptions; further ones are ``TicketRedemption/unavailable`` at once. Anybody can send tickets, and
    /// while the bus does not answer, each redemption waits until its time limit.
    static let maximumRunning = 1024
    /// Redemptions a second, and how many at once after a pause: strangers can send tickets as fast as the process parses requests, and the bus serves everybody.
    /// Half of these and of ``maximumRunning`` is left to clients that have not sent more tickets than their share that nobody was given (``GuessShares``).
    static let perSecond = 5_000.0
    static let burst = 10_000.0

    private let logger: Logger
    private let now: WallClock
    private let steadyNow: @Sendable () -> Duration
    private let burst: Double
    private let state: Mutex<State>

    /// - Parameters:
    ///   - now: milliseconds since 1970 UTC.
    ///   - steadyNow: the time since any fixed point, for the limit of redemptions a second.
    public convenience init(
        logger: Logger,
        now: @escaping WallClock = SystemClock.now,
        steadyNow: @escaping @Sendable () -> Duration = SteadyTime.now
    ) {
        self.init(logger: logger, now: now, steadyNow: steadyNow, burst: Self.burst)
    }

    init(logger: Logger, now: @escaping WallClock, steadyNow: @escaping @Sendable () -> Duration, burst: Double) {
        self.logger = logger
        self.now = now
        self.steadyNow = steadyNow
        self.burst = burst
        let time = steadyNow()
        state = Mutex(
            State(rate: TokenBucket(capacity: burst, perSecond: Self.perSecond, at: time), guesses: GuessShares(at: time))
        )
    }

    /// Makes the stream available. Before, every ticket is ``TicketRedemption/unavailable``.
    public func begin(_ stream: TicketStream) { state.withLock { $0.stream = stream } }

    /// Redeems a ticket; ``TicketRedemption/unavailable`` before ``begin(_:)``, beyond the limits, and while the bus does not answer.
    ///
    /// - Parameter client: who sent it; nil for one that has no share of guesses.
    public func redeem(_ ticket: Ticket, from client: ClientNetwork? = nil) async -> TicketRedemption {
        guard let stream = enter(client) else { return .unavailable }
        defer { state.withLock { $0.running -= 1 } }
        do throws(EventLogError) {
            let redemption = try await stream.redeem(ticket, now: now)
            if redemption == .unknown, let client {
                let time = steadyNow()
                state.withLock { $0.guesses.count(client, at: time) }
            }
            return redemption
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

    private func enter(_ client: ClientNetwork?) -> TicketStream? {
        let time = steadyNow()
        return state.withLock { state in
            let isBusy = state.running >= Self.maximumRunning / 2 || !state.rate.allows(burst / 2, at: time)
            if isBusy, let client, !state.guesses.allows(client, at: time) { return nil }
            guard let stream = state.stream, state.running < Self.maximumRunning, state.rate.take(at: time) else { return nil }
            state.running += 1
            return stream
        }
    }
}
