import Basics
import HTTPAPI
import Synchronization

/// Who may read the database now: as many as there are readers, each tenant at most with its share, and tenants in turn.
///
/// However many requests one tenant has under way, the others find a reader free, or the next one that is. May be used from any task.
final class ReaderShares: Sendable {
    /// Who reads.
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
        /// Those who wait, in the order of their turns.
        var turns: [Holder] = []
    }

    /// How many may read at a time.
    let readers: Int
    /// How many of these one tenant may have.
    let share: Int
    /// How many requests of one tenant wait at most.
    private let waiting: Int
    private let state: Mutex<State>

    init(readers: Int, waiting: Int = 256) {
        precondition(readers > 0)
        self.readers = readers
        share = max(1, readers / 2)
        self.waiting = waiting
        state = Mutex(State(free: readers))
    }

    /// How many wait.
    var waitingCount: Int { state.withLock { $0.shares.values.reduce(0) { $0 + $1.waiting.count } } }

    /// Reads when it is the holder's turn.
    ///
    /// - Throws: `rate_limited` when too many of the tenant's requests wait; `CancellationError`; what `body` throws.
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
                throw APIError.rateLimited("Too many requests of your tenant are under way here: wait for their answers.", retryAfter: 1)
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

    /// A wait was cancelled. It may have had its turn in the same moment, which goes on to the next.
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

    /// Gives the free reader to the first in turn who has not got its share; behind the others, if it waits for more.
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
