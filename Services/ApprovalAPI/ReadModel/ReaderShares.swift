import Basics
import HTTPAPI
import Synchronization

/// Fair scheduling of database reads: a pool of readers, a limit per tenant, round-robin over tenants.
///
/// However many requests one tenant has, others find a free reader, or get the next one. Any task.
final class ReaderShares: Sendable {
    /// The owner of a read.
    enum Holder: Hashable, Sendable {
        case tenant(Tenant)
        /// The process itself.
        case process
    }

    private final class Wait: Sendable {
        let turn = OneShot<Void>()
    }

    private struct Share {
        var reading = 0
        var waiting: [Wait] = []
    }

    private struct State {
        var free: Int
        var shares: [Holder: Share] = [:]
        /// Waiting holders, in round-robin order.
        var turns: [Holder] = []
    }

    /// Number of readers.
    let readers: Int
    /// Maximum number of readers per tenant.
    let share: Int
    /// Maximum number of waiting requests per tenant.
    private let waiting: Int
    private let state: Mutex<State>

    init(readers: Int, waiting: Int = 256) {
        precondition(readers > 0)
        self.readers = readers
        share = max(1, readers / 2)
        self.waiting = waiting
        state = Mutex(State(free: readers))
    }

    /// Number of waiting requests.
    var waitingCount: Int { state.withLock { $0.shares.values.reduce(0) { $0 + $1.waiting.count } } }

    /// Reads in the holder's turn.
    ///
    /// - Throws: `rate_limited` when too many of the tenant's requests wait; `CancellationError`; errors of `body`.
    func read<Value: Sendable>(for holder: Holder, _ body: () async throws -> Value) async throws -> Value {
        try await enter(holder)
        defer { leave(holder) }
        return try await body()
    }

    private func enter(_ holder: Holder) async throws {
        let wait: Wait? = try state.withLock { state in
            var holding = state.shares[holder] ?? Share()
            defer { state.shares[holder] = holding }
            if state.free > 0, holding.reading < share {
                state.free -= 1
                holding.reading += 1
                return nil
            }
            guard holding.waiting.count < waiting else {
                throw APIError.rateLimited("Too many requests of your tenant are waiting. Retry in 1 s.", retryAfter: 1)
            }
            let wait = Wait()
            holding.waiting.append(wait)
            if holding.waiting.count == 1 { state.turns.append(holder) }
            return wait
        }
        guard let wait else { return }
        do throws(WaitError) {
            try await wait.turn.value()
        } catch {
            abandon(wait, of: holder)
            throw CancellationError()
        }
    }

    /// Removes a cancelled wait. If it was just admitted, passes its reader on.
    private func abandon(_ wait: Wait, of holder: Holder) {
        let isWaiting = state.withLock { state in
            guard let index = state.shares[holder]?.waiting.firstIndex(where: { $0 === wait }) else { return false }
            state.shares[holder]?.waiting.remove(at: index)
            if state.shares[holder]?.waiting.isEmpty == true { state.turns.removeAll { $0 == holder } }
            if state.shares[holder]?.reading == 0, state.shares[holder]?.waiting.isEmpty == true { state.shares[holder] = nil }
            return true
        }
        if !isWaiting { leave(holder) }
    }

    private func leave(_ holder: Holder) {
        let next: Wait? = state.withLock { state in
            state.free += 1
            state.shares[holder]?.reading -= 1
            if let share = state.shares[holder], share.reading == 0, share.waiting.isEmpty { state.shares[holder] = nil }
            return admit(&state)
        }
        next?.turn.settle(())
    }

    /// Gives a free reader to the first holder below its limit, and moves that holder to the end if it has more waits.
    private func admit(_ state: inout State) -> Wait? {
        guard let index = state.turns.firstIndex(where: { (state.shares[$0]?.reading ?? 0) < share }) else { return nil }
        let holder = state.turns.remove(at: index)
        guard var holding = state.shares[holder], !holding.waiting.isEmpty else { return nil }
        let wait = holding.waiting.removeFirst()
        holding.reading += 1
        state.free -= 1
        state.shares[holder] = holding
        if !holding.waiting.isEmpty { state.turns.append(holder) }
        return wait
    }
}
