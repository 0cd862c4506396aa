import Basics
import EventLog
import EventModel
import HTTPAPI
import Logging
import Synchronization

/// Expires overdue approvals, so that waiting systems are notified not to proceed, and puts due escalations into force.
///
/// Every replica sweeps; each place takes one record, so concurrent sweeps are harmless.
///
/// A sweep takes all approvals that are due, one of each tenant in turn (``DueApprovals``), so none blocks others. A permanent failure becomes a dead letter; a temporary one is retried with
/// backoff (``DeadlineFailures``).
struct DeadlineSweep: Sendable {
    let model: ReadModel
    let decisions: DecisionService
    let letters: DeadLetters
    let interval: Duration
    let isFollowing: @Sendable () -> Bool
    let logger: Logger
    let failures = DeadlineFailures()
    private let figures = Figures()
    private let retried: RetriedWork<ApprovalRecord>

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
        retried = RetriedWork(of: .approvalRecords(beside: decisions.log), letters: letters, name: Self.name, logger: logger)
    }

    /// The kind of work in dead letters.
    static let name = "approval-deadlines"
    /// Number of concurrent expiries.
    private static let concurrency = 16
    /// Number of consecutive outages after which a sweep stops: the log is unreachable.
    private static let patience = 32

    /// Why retries of dead letters are stopped, for `/readyz`; nil while they run.
    var fault: String? { retried.fault }

    /// The approvals that waited at the last look.
    var waiting: WaitingApprovals { figures.waiting.withLock { $0 } }

    private final class Figures: Sendable {
        let waiting = Mutex(WaitingApprovals())
    }

    /// Sweeps until the task is cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    // A model that is catching up shows decided approvals as pending.
                    if isFollowing() {
                        await sweep()
                        await count()
                    }
                    // With jitter, so that replicas find different approvals.
                    try? await Task.sleep(for: interval * Double.random(in: 0.5...1))
                }
            }
            group.addTask { try await retried.run { await retry($0) } }
            try await group.waitForAll()
        }
    }

    /// Expires or escalates all approvals whose time has come and whose next attempt is due.
    func sweep() async {
        do {
            let now = decisions.now()
            guard try await !model.due(by: now, limit: 1).isEmpty else { return }
            // Requests that were dropped are not expired, and decided ones are not pending.
            try await decisions.barrier.ofApprovals()
            var due = try await DueApprovals(by: now, in: model)
            try await act(on: &due)
        } catch let error as APIError where error.code == .serviceUnavailable {
            // Retried at the next sweep.
        } catch {
            logger.warning("cannot look up approvals that are due, trying again", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func count() async {
        guard let waiting = try? await model.waiting(at: decisions.now(), soon: .seconds(600)) else { return }
        figures.waiting.withLock { $0 = waiting }
    }

    /// Expires or escalates approvals, some at a time, until all are done or the bus is out of reach.
    ///
    /// - Throws: as ``DueApprovals/next()``, once what is under way has ended.
    private func act(on due: inout DueApprovals) async throws {
        let end = await withTaskGroup(of: (Approval, WorkOutcome).self) { group -> Result<Void, any Error> in
            var end: Result<Void, any Error> = .success(())
            var failed = 0
            var underWay = 0
            do {
                while !Task.isCancelled, failed < Self.patience, let approval = try await due.next() {
                    guard failures.isDue(approval.request.record) else { continue }
                    // DeadLetters requires serial writes.
                    if underWay == Self.concurrency, let (approval, outcome) = await group.next() {
                        underWay -= 1
                        failed = await settle(approval, outcome) ? 0 : failed + 1
                    }
                    group.addTask { (approval, await attempt(approval)) }
                    underWay += 1
                }
            } catch {
                end = .failure(error)
            }
            for await (approval, outcome) in group { _ = await settle(approval, outcome) }
            return end
        }
        try end.get()
    }

    /// Schedules a retry or stores a dead letter. Returns false after a temporary failure.
    private func settle(_ approval: Approval, _ outcome: WorkOutcome) async -> Bool {
        let sequence = approval.request.record
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
                    subject: ApprovalPlace.request(approvalID: approval.request.approvalID).recordSubject(tenant: approval.request.tenant),
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
            guard approval.request.expiry.hasPassed(by: decisions.now()) else {
                try await decisions.escalate(approval)
                return .done
            }
            let (decision, isNew) = try await decisions.expire(approval)
            if isNew { decision.log(tenant: approval.request.tenant, to: logger) }
            return .done
        } catch {
            return .of(error)
        }
    }

    /// Expires or escalates the approval of a retried dead letter.
    private func retry(_ record: ApprovalRecord) async -> WorkOutcome {
        let request = record.place.approvalID
        do {
            guard let approval = try await decisions.settle(request, of: record.event.tenant), approval.decision == nil else {
                return .done
            }
            return await attempt(approval)
        } catch {
            return .later("\(error)")
        }
    }
}
