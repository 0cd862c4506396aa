import Basics
import EventLog
import EventModel
import HTTPAPI
import Logging

/// Expires overdue approvals, so that waiting systems are notified not to proceed.
///
/// Every replica sweeps; the log takes one decision per approval, so concurrent sweeps are harmless.
///
/// A sweep pages through all overdue approvals, so none blocks others. A permanent failure becomes a dead letter; a temporary one is retried with
/// backoff (``ExpiryFailures``).
struct ExpirySweep: Sendable {
    let model: ReadModel
    let decisions: DecisionService
    let letters: DeadLetters
    let interval: Duration
    let isFollowing: @Sendable () -> Bool
    let logger: Logger
    let failures = ExpiryFailures()
    private let retried: RetriedWork

    init(
        model: ReadModel,
        decisions: DecisionService,
        letters: DeadLetters,
        interval: Duration,
        isFollowing: @escaping @Sendable () -> Bool,
        logger: Logger
    ) {
        self.model = model
        self.decisions = decisions
        self.letters = letters
        self.interval = interval
        self.isFollowing = isFollowing
        self.logger = logger
        retried = RetriedWork(of: letters, name: Self.name, logger: logger)
    }

    /// The kind of work in dead letters.
    static let name = "approval-expiry"
    /// Number of approvals per query.
    static let pageSize = 100
    /// Number of concurrent expiries.
    private static let concurrency = 16
    /// Number of consecutive outages after which a sweep stops: the log is unreachable.
    private static let patience = 32

    /// Why retries of dead letters are stopped, for `/readyz`; nil while they run.
    var fault: String? { retried.fault }

    /// Sweeps until the task is cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    // A model that is catching up shows decided approvals as pending.
                    if isFollowing() { await sweep() }
                    // With jitter, so that replicas find different approvals.
                    try? await Task.sleep(for: interval * Double.random(in: 0.5...1))
                }
            }
            group.addTask { try await retried.run { await retry($0) } }
            try await group.waitForAll()
        }
    }

    /// Expires all overdue approvals whose next attempt is due.
    func sweep() async {
        do {
            let now = decisions.now()
            guard try await !model.overdue(by: now, limit: 1).isEmpty else { return }
            // Requests that have left the log are not expired.
            try await decisions.barrier.ofLog()
            var after: Approval?
            var failed = 0
            while !Task.isCancelled, failed < Self.patience {
                let page = try await model.overdue(by: now, after: after, limit: Self.pageSize)
                let due = page.filter { failures.isDue($0.request.place.sequence) }
                for outcome in await expire(due) { failed = outcome ? 0 : failed + 1 }
                guard page.count == Self.pageSize, let last = page.last else { return }
                after = last
            }
        } catch let error as APIError where error.code == .serviceUnavailable {
            // Retried at the next sweep.
        } catch {
            logger.warning("cannot look up overdue approvals, trying again", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Expires a page of approvals concurrently. Returns for each whether the log was reachable.
    private func expire(_ approvals: [Approval]) async -> [Bool] {
        await withTaskGroup(of: (Approval, WorkOutcome).self) { group in
            var outcomes: [Bool] = []
            for (index, approval) in approvals.enumerated() {
                if index >= Self.concurrency, let (approval, outcome) = await group.next() {
                    outcomes.append(await settle(approval, outcome))
                }
                group.addTask { (approval, await attempt(approval)) }
            }
            // DeadLetters requires serial writes.
            for await (approval, outcome) in group { outcomes.append(await settle(approval, outcome)) }
            return outcomes
        }
    }

    /// Schedules a retry or stores a dead letter. Returns false after a temporary failure.
    private func settle(_ approval: Approval, _ outcome: WorkOutcome) async -> Bool {
        let sequence = approval.request.place.sequence
        switch outcome {
        case .done: failures.forget(sequence)
        case .later:
            failures.failed(sequence)
            return false
        case .failed(let reason):
            do throws(EventLogError) {
                // Other replicas, and this one after a restart, find it again.
                try await letters.putOnce(
                    work: Self.name,
                    subject: EventSubject.decision(
                        tenant: approval.request.tenant,
                        place: .request(approvalID: approval.request.approvalID)
                    ),
                    sequence: sequence,
                    reason: reason
                )
                failures.giveUp(sequence)
            } catch {
                failures.failed(sequence)
                return false
            }
        }
        return true
    }

    private func attempt(_ approval: Approval) async -> WorkOutcome {
        do throws(EventLogError) {
            let (decision, isNew) = try await decisions.expire(approval)
            if isNew { decision.log(tenant: approval.request.tenant, to: logger) }
            return .done
        } catch {
            return .of(error)
        }
    }

    /// Expires the approval of a retried dead letter.
    private func retry(_ entry: LogEntry) async -> WorkOutcome {
        guard let request = Approval.Request(entry.event, at: LogPlace(sequence: entry.sequence, intake: entry.intake)) else {
            return .failed("The event is not a valid approval request.")
        }
        let approval = Approval(request: request)
        guard request.expiry.hasPassed(by: decisions.now()) else { return .done }
        return await attempt(approval)
    }
}
