import Basics
import EventLog
import EventModel
import Logging
import Metrics

/// Publishes the effect of each decision: `remediation.approved` or `remediation.rejected`, exactly once, whichever process dies.
///
/// - **At least once**: decisions are read through a ``SharedReading``, which the replicas share and whose place the server keeps; a decision is
///   done when the log has acknowledged what follows from it, and comes again to another replica until then.
/// - **At most once**: what follows lies at a place of its own, `events.<tenant>.DECISION.<approval>.EFFECT`, which takes one event (create-once). That
///   holds however much later the decision comes again: after an outage longer than the duplicate window, with the reading's place lost with its
///   consumer, or through two replicas at a time. The id made of the decision's sequence (`Nats-Msg-Id`) alone would hold for two minutes.
///   The place is younger than the decision's, so the log, which drops what is oldest, never forgets it while the decision can still come again.
/// - **One by one**: a decision whose effect can never be stored becomes a dead letter, and one whose effect cannot be stored now comes again by itself.
struct EffectAnnouncer: Sendable {
    private let log: EventLog
    private let reading: SharedReading
    private let logger: Logger
    private let announced = Counter(label: "causeway_approval_effects")
    private let duration = Timer(label: "causeway_approval_effect_delay")
    private let now: @Sendable () -> Timestamp

    /// The name of the shared reading.
    static let name = "decision-effects"
    /// How long one attempt to store an effect may take: less than the reading's patience.
    private static let timeout: Duration = .milliseconds(2500)

    init(log: EventLog, letters: DeadLetters, logger: Logger, now: @escaping @Sendable () -> Timestamp) {
        self.log = log
        reading = SharedReading(name: Self.name, filter: DecisionPlace.decisionsFilter, letters: letters, logger: logger)
        self.logger = logger
        self.now = now
    }

    /// Announces until the task is cancelled.
    func run() async throws {
        try await reading.run { await announce($0) }
    }

    /// What `/readyz` says while the reading of decisions is stopped; nil while it runs.
    var fault: String? { reading.fault }

    /// Announces what one decision entails.
    func announce(_ entry: LogEntry) async -> WorkOutcome {
        guard case .decision(let approvalID) = entry.decisionPlace, let decision = Decision(entry.event, on: approvalID) else {
            return .failed("What lies at the place of a decision is no decision.")
        }
        do {
            let effect = try decision.effect(of: entry.event, sequence: entry.sequence)
            let time = now()
            // Three words, and so no id that a producer can choose.
            let messageID = "\(SubjectToken.encode(entry.event.tenant.text)).DECISION.\(entry.sequence)"
            let appended = try await log.append(
                effect,
                onceAt: .effect(approvalID: approvalID),
                messageID: messageID,
                intake: time,
                timeout: Self.timeout
            )
            // The effect's id is derived from the decision's, so a stored effect of that id is of the same decision.
            guard appended.entry.event.id == effect.id else {
                return .failed("What the log holds at the place of the effect follows from another decision under the same approvalId.")
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

    /// Names the trace that the decision began, by which it is followed to here.
    private func report(_ effect: Event, of approvalID: ApprovalID) {
        var metadata: Logger.Metadata = [
            "tenant": "\(effect.tenant)", "approval.id": "\(approvalID)", "event.type": "\(effect.type.name)",
        ]
        if let trace = effect.traceparent.flatMap(TraceParent.init) { metadata[TraceParent.logKey] = "\(trace.traceID)" }
        logger.info("decision effect published", metadata: metadata)
    }
}
