import Basics
import GRDB
import Logging
import ServiceKit
import Synchronization

/// Probes the read model periodically with a client's queries, so that readiness does not depend on traffic.
///
/// Each probe reads the lists of the next tenant, with the same queries that answer requests. Damage is handled as in a request.
final class ReadModelProbe: Sendable {
    private struct State {
        var answeredAt: ContinuousClock.Instant?
        var failure: String?
    }

    private let model: ReadModel
    private let interval: Duration
    private let logger: Logger
    private let state = Mutex(State())

    /// Time limit of a probe; beyond it the model counts as unresponsive.
    private static let patience: Duration = .seconds(10)
    /// The viewer of the probes; sees what everyone sees.
    private static let user = UserID(generated: "approval-api")

    init(model: ReadModel, interval: Duration = .seconds(1), logger: Logger) {
        self.model = model
        self.interval = interval
        self.logger = logger
    }

    /// The last probe's result. Never blocks.
    var status: Readiness.Status {
        if let trouble = model.trouble { return .notReady(trouble.reason) }
        guard model.isWhole else { return .notReady("the read model is being rebuilt from the log") }
        let (answeredAt, failure) = state.withLock { ($0.answeredAt, $0.failure) }
        if let failure { return .notReady(failure) }
        guard let answeredAt, ContinuousClock.now - answeredAt < Self.patience else { return .notReady("the read model does not answer") }
        return .ready
    }

    /// Probes until the task is cancelled.
    func run() async throws {
        var tenant = ""
        while !Task.isCancelled {
            do {
                tenant = try await ask(after: tenant) ?? ""
                state.withLock { $0 = State(answeredAt: .now) }
            } catch is CancellationError where Task.isCancelled {
                return
            } catch {
                state.withLock { $0.failure = "the read model cannot be read: \(error)" }
            }
            try? await Task.sleep(for: interval)
        }
    }

    /// Reads the lists of the next tenant.
    ///
    /// - Returns: the tenant; nil after the last one.
    func ask(after tenant: String) async throws -> String? {
        await model.checkPlace()
        let found = try await model.read(for: .process) { database in
            let sql = "SELECT tenant FROM tallies WHERE tenant > ? ORDER BY tenant LIMIT 1"
            return try String.fetchOne(database.cachedStatement(sql: sql), arguments: [tenant]).map { try Tenant(stored: $0) }
        }
        // Probe an empty model too.
        let viewer = Viewer(tenant: found ?? Tenant(generated: "nobody"), user: Self.user)
        _ = try await model.notifications(NotificationQuery(viewer: viewer, epoch: model.logEpoch ?? 0, limit: 50), for: .process)
        _ = try await model.approvals(for: viewer, status: .pending, after: nil, limit: 50, holder: .process)
        return found?.text
    }
}
