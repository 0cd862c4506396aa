import Basics
import Synchronization

/// How many bytes of request bodies are in memory at a time, in the whole process and of one tenant.
///
/// A request reserves what its body may become before any of it is read; one that does not fit is refused at once, so that many large
/// requests cost refusals and not the process. No tenant gets more than its share: one that announces much and sends little keeps nobody else out.
final class BodyBudget: Sendable {
    /// What is given out at a moment.
    struct Use: Sendable, Hashable {
        /// Requests that are being taken in: their bodies arrive, or their events are being stored.
        var requests = 0
        var bytes = 0
    }

    /// Why nothing was reserved.
    enum Shortage: Error, Hashable {
        /// The tenant's own share is given out to its other requests.
        case share
        /// What all tenants share is given out.
        case budget
    }

    private struct State {
        var available: Int
        var use = Use()
        var reserved: [Tenant: Int] = [:]
    }

    private let state: Mutex<State>
    private let share: Int

    /// - Parameters:
    ///   - bytes: the budget.
    ///   - share: the most of it for one tenant.
    init(bytes: Int, share: Int = .max) {
        state = Mutex(State(available: bytes))
        self.share = share
    }

    /// As the limits say: a quarter for one tenant, but room for one request at least.
    convenience init(_ limits: IntakeLimits) {
        self.init(bytes: limits.totalBodyBytes, share: max(limits.bodyBytes, limits.totalBodyBytes / 4))
    }

    /// What is given out now.
    var use: Use { state.withLock { $0.use } }

    /// Runs `body` with so many bytes reserved.
    ///
    /// - Throws: ``Shortage``, with nothing run, when they are not there; what `body` throws.
    func withReserved<Result>(_ bytes: Int, for tenant: Tenant, _ body: () async throws -> Result) async throws -> Result {
        let shortage = state.withLock { state -> Shortage? in
            let held = state.reserved[tenant, default: 0]
            if bytes > share - held { return .share }
            if bytes > state.available { return .budget }
            state.available -= bytes
            state.use.requests += 1
            state.use.bytes += bytes
            state.reserved[tenant] = held + bytes
            return nil
        }
        if let shortage { throw shortage }
        defer {
            state.withLock { state in
                state.available += bytes
                state.use.requests -= 1
                state.use.bytes -= bytes
                let held = state.reserved[tenant, default: 0] - bytes
                state.reserved[tenant] = held > 0 ? held : nil
            }
        }
        return try await body()
    }
}
