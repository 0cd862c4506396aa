import Basics
import EventLog
import EventModel
import Logging
import Metrics

/// Publishes the effect of each decision, `remediation.approved` or `remediation.rejected`, exactly once across crashes.
///
/// - **At least once**: decisions come from a ``SharedReading``, whose position the server keeps for all replicas; a decision is acknowledged when its
///   effect is stored, and is redelivered until then.
/// - **At most once**: the effect has a create-once place, `events.<tenant>.DECISION.<approval>.EFFECT`. That holds however late the decision is
///   redelivered: after an outage longer than the duplicate window, with a lost consumer, or through two replicas at once. The `Nats-Msg-Id`, derived
///   from the decision's sequence, holds for two minutes only. The effect is newer than the decision, and the log drops the oldest first, so it is
///   there as long as the decision can be redelivered.
/// - **Individually**: an effect that can never be stored becomes a dead letter; one that cannot be stored now is retried.
struct EffectAnnouncer: Sendable {
    private let log: EventLog
    private let reading: SharedReading
    private let logger: Logger
    private let announced = Counter(label: "causeway_approval_effects")
    private let duration = Timer(label: "causeway_approval_effect_delay")
    private let now: @Sendable () -> Timestamp

    /// The name of the shared reading.
    static let name = "decision-effects"
    /// Time limit of one attempt to store an effect; less than the reading's `ackWait`.
    private static let timeout: Duration = .milliseconds(2500)

    init(log: EventLog, letters: DeadLetters, logger: Logger, now: @escaping @Sendable () -> Timestamp) {
        self.log = log
        reading = SharedReading(name: Self.name, filter: DecisionPlace.decisionsFilter, letters: letters, logger: logger)
        self.logger = logger
        self.now = now
    }

    /// Publishes effects until the task is cancelled.
    func run() async throws {
        try await reading.run { await announce($0) }
    }

    /// Why the reading of decisions is stopped, for `/readyz`; nil while it runs.
    var fault: String? { reading.fault }

    /// Publishes the effect of one decision.
    func announce(_ entry: LogEntry) async -> WorkOutcome {
        guard case .decision(let approvalID) = entry.decisionPlace, let decision = Decision(entry.event, on: approvalID) else {
            return .failed("The message at the decision's subject is not a decision.")
        }
        do {
            let effect = try decision.effect(of: entry.event, sequence: entry.sequence)
            let time = now()
            // Three tokens, so that it cannot equal the message id of a producer's event.
            let messageID = "\(SubjectToken.encode(entry.event.tenant.text)).DECISION.\(entry.sequence)"
            let appended = try await log.append(
                effect,
                onceAt: .effect(approvalID: approvalID),
                messageID: messageID,
                intake: time,
                timeout: Self.timeout
            )
            // The effect's id is derived from the decision's sequence, so a stored effect with that id is of the same decision.
            guard appended.entry.event.id == effect.id else {
                return .failed("The log holds the effect of another decision with the same approvalId.")
            }
            if case .stored = appended {
                announced.increment()
                let delay = time.millisecondsSinceEpoch - entry.intake.millisecondsSinceEpoch
                duration.record(duration: .milliseconds(max(0, delay)))
                report(effect, of: approvalID)
            }
            return .done
        } catch let error as EventLogError {
            return .of(error)
        } catch {
            return .failed("\(error)")
        }
    }

    /// Logs the effect with the trace that its decision began.
    private func report(_ effect: Event, of approvalID: ApprovalID) {
        var metadata: Logger.Metadata = [
            LogKey.tenant: "\(effect.tenant)", LogKey.approvalID: "\(approvalID)", LogKey.eventType: "\(effect.type.name)",
        ]
        if let trace = effect.traceparent.flatMap(TraceParent.init) { metadata[LogKey.traceID] = "\(trace.traceID)" }
        logger.info("decision effect published", metadata: metadata)
    }
}
