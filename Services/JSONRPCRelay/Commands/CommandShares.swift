import Basics
import EdgeRuntime
import Synchronization

/// Limits each tenant's share of the send queue and of the pending commands of the process (contract §10, Shares). Any thread.
final class CommandShares: Sendable {
    private struct Use {
        /// The rate limiter; nil without a limit.
        var rate: TokenBucket?
        var outstanding = 0
        var queuedBytes = 0
    }

    private struct State {
        var tenants: [Tenant: Use] = [:]
        var queuedBytes = 0
        var refused = 0
    }

    private let configuration: CommandConfiguration
    private let state = Mutex(State())
    /// The number of tenants above which idle ones are removed.
    private static let keptTenants = 1024
    /// The burst, in seconds of the rate.
    static let burstSeconds = 10.0

    init(configuration: CommandConfiguration) {
        self.configuration = configuration
    }

    /// The number of commands refused since the start.
    var refused: Int { state.withLock { $0.refused } }

    /// Admits a command of `bytes` bytes. Returns the error that refuses it; after nil ``sent(_:bytes:)`` must follow, and
    /// ``ended(_:)`` if it `expectsAnswer`.
    func begin(_ tenant: Tenant, bytes: Int, expectsAnswer: Bool, now: MonotonicInstant) -> RPCError? {
        state.withLock { state in
            if state.tenants.count >= Self.keptTenants { forgetIdle(&state, now: now) }
            var use = state.tenants[tenant] ?? Use(rate: bucket(at: now))
            let refusal = refusal(of: &use, state, bytes: bytes, now: now)
            if refusal == nil {
                use.queuedBytes += bytes
                state.queuedBytes += bytes
                if expectsAnswer { use.outstanding += 1 }
            } else {
                state.refused += 1
            }
            state.tenants[tenant] = use
            return refusal
        }
    }

    private func bucket(at now: MonotonicInstant) -> TokenBucket? {
        let rate = Double(configuration.commandsPerSecondOfTenant)
        return rate > 0 ? TokenBucket(capacity: Self.burstSeconds * rate, perSecond: rate, at: now.sinceBoot) : nil
    }

    private func refusal(of use: inout Use, _ state: State, bytes: Int, now: MonotonicInstant) -> RPCError? {
        // At most a quarter, so that one client's backlog does not fill the queue.
        guard use.queuedBytes + bytes <= configuration.maximumQueuedBytes / 4,
            state.queuedBytes + bytes <= configuration.maximumQueuedBytes
        else {
            return .internalError("The relay has more to send than the bus takes. Try again in a moment.")
        }
        let most = configuration.maximumOutstandingOfTenant
        guard use.outstanding < most else {
            return .tooManyCommandsOfTenant("At most \(most) commands of one tenant may be under way. Send this one again in a moment.")
        }
        let rate = configuration.commandsPerSecondOfTenant
        guard use.rate?.take(at: now.sinceBoot) ?? true else {
            return .tooManyCommandsOfTenant("At most \(rate) commands of one tenant are sent in a second. Send this one again in a moment.")
        }
        return nil
    }

    /// Returns the commands that the tenant may send at once now; nil without a limit.
    func remaining(of tenant: Tenant, now: MonotonicInstant) -> Int? {
        guard let full = bucket(at: now) else { return nil }
        return state.withLock { ($0.tenants[tenant]?.rate ?? full).remaining(at: now.sinceBoot) }
    }

    /// Releases a command's queue bytes: it was published or dropped.
    func sent(_ tenant: Tenant, bytes: Int) {
        state.withLock { state in
            state.queuedBytes -= bytes
            state.tenants[tenant]?.queuedBytes -= bytes
        }
    }

    /// Releases the place of a command that expected an answer.
    func ended(_ tenant: Tenant) {
        state.withLock { $0.tenants[tenant]?.outstanding -= 1 }
    }

    private func forgetIdle(_ state: inout State, now: MonotonicInstant) {
        for (tenant, use) in state.tenants where use.outstanding == 0 && use.queuedBytes == 0 {
            var bucket = use.rate
            if bucket?.isFull(at: now.sinceBoot) ?? true { state.tenants[tenant] = nil }
        }
    }
}
