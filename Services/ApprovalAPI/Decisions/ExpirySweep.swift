import EventLog
import EventModel
import HTTPAPI
import Logging

/// Expires approvals that nobody answered in time, so that what waits for them learns that it must not go ahead.
///
/// Every replica sweeps; the log takes one decision an approval, so it does not matter how many find the same one.
///
/// A sweep pages through all that are overdue, so none waits behind others. An approval that cannot be expired for its content becomes a dead letter;
/// one that something outside keeps from being expired comes again by itself, later each time (``ExpiryFailures``).
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

    /// The kind of work, as dead letters name it.
    static let name = "approval-expiry"
    /// How many are looked up at a time.
    static let pageSize = 100
    /// How many are expired at a time.
    private static let concurrency = 16
    /// After how many failures in a row that are not an approval's own a sweep ends: the log is away.
    private static let patience = 32

    /// What `/readyz` says while retries of dead letters are stopped; nil while they run.
    var fault: String? { retried.fault }

    /// Sweeps until the task is cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    // A model that is being made still takes for open what was answered long ago.
                    if isFollowing() { await sweep() }
                    // With chance in it, so that replicas do not all find the same ones.
                    try? await Task.sleep(for: interval * Double.random(in: 0.5...1))
                }
            }
            group.addTask { try await retried.run { await retry($0) } }
            try await group.waitForAll()
        }
    }

    /// Expires all that are overdue and not waiting for their next attempt.
    func sweep() async {
        do {
            let now = decisions.now()
            guard try await !model.overdue(by: now, limit: 1).isEmpty else { return }
            // A request that has left the log is nobody's to expire.
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
            // Tried again at the next sweep.
        } catch {
            logger.warning("approvals that are overdue cannot be found", metadata: ["error": "\(error)"])
        }
    }

    /// Expires some, several at a time. Returns for each whether the log was there.
    private func expire(_ approvals: [Approval]) async -> [Bool] {
        await withTaskGroup(of: (Approval, WorkOutcome).self) { group in
            var outcomes: [Bool] = []
            for (index, approval) in approvals.enumerated() {
                if index >= Self.concurrency, let (approval, outcome) = await group.next() {
                    outcomes.append(await settle(approval, outcome))
                }
                group.addTask { (approval, await attempt(approval)) }
            }
            // Letters are written one after another, as DeadLetters asks for.
            for await (approval, outcome) in group { outcomes.append(await settle(approval, outcome)) }
            return outcomes
        }
    }

    /// Sees to it that an approval is tried again, or not. Returns false when something outside kept it from being expired.
    private func settle(_ approval: Approval, _ outcome: WorkOutcome) async -> Bool {
        let sequence = approval.request.place.sequence
        switch outcome {
        case .done: failures.forget(sequence)
        case .later:
            failures.failed(sequence)
            return false
        case .failed(let reason):
            do throws(EventLogError) {
                // Other replicas, and this one after a restart, come upon it again.
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

    /// Expires the approval that a dead letter is about.
    private func retry(_ entry: LogEntry) async -> WorkOutcome {
        guard let request = Approval.Request(entry.event, at: LogPlace(sequence: entry.sequence, intake: entry.intake)) else {
            return .failed("The event asks for no approval that can be decided.")
        }
        let approval = Approval(request: request)
        guard request.expiry.hasPassed(by: decisions.now()) else { return .done }
        return await attempt(approval)
    }
}
