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
    }

    /// Maximum number of concurrent redemptions; further ones are ``TicketRedemption/unavailable`` at once. Anybody can send tickets, and
    /// while the bus does not answer, each redemption waits until its time limit.
    static let maximumRunning = 1024

    private let logger: Logger
    private let now: WallClock
    private let state = Mutex(State())

    /// - Parameter now: milliseconds since 1970 UTC.
    public init(logger: Logger, now: @escaping WallClock = SystemClock.now) {
        self.logger = logger
        self.now = now
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
        state.withLock { state in
            guard let stream = state.stream, state.running < Self.maximumRunning else { return nil }
            state.running += 1
            return stream
        }
    }
}
