import Basics
import EventLog
import EventModel
import Logging
import Metrics

/// Publishes each record of an approval as an event in the log, and the effect of each decision, `remediation.approved` or `remediation.rejected`,
/// exactly once across crashes.
///
/// - **At least once**: records come from a ``SharedReading``, whose position the server keeps for all replicas; a record is acknowledged when its events
///   are stored, and is redelivered until then.
/// - **At most once**: each event has a create-once place in the log (``ApprovalPlace``). That holds however late the record is redelivered: after an
///   outage longer than the duplicate window, with a lost consumer, or through two replicas at once.
/// - **Individually**: an event that can never be stored becomes a dead letter; one that cannot be stored now is retried.
///
/// A vote may complete a group whose voter's process died before it decided: then the decision is made here.
struct RecordAnnouncer: Sendable {
    private let log: EventLog
    private let reading: SharedReading<ApprovalRecord>
    private let logger: Logger
    private let announced = Counter(label: "causeway_approval_effects")
    private let duration = Timer(label: "causeway_approval_effect_delay")
    private let now: @Sendable () -> Timestamp

    /// The name of the shared reading.
    static let name = "approval-records"
    /// Time limit of one attempt to store an event; less than the reading's `ackWait`.
    private static let timeout: Duration = .milliseconds(1200)

    init(log: EventLog, letters: DeadLetters, logger: Logger, now: @escaping @Sendable () -> Timestamp) {
        self.log = log
        reading = SharedReading(
            of: .approvalRecords(beside: log),
            name: Self.name,
            filter: ApprovalPlace.recordsFilter,
            letters: letters,
            logger: logger
        )
        self.logger = logger
        self.now = now
    }

    /// Publishes until the task is cancelled.
    ///
    /// - Parameter settle: makes the decision of an approval, if its votes suffice and it has none.
    func run(settle: @escaping @Sendable (ApprovalRecord) async -> WorkOutcome) async throws {
        try await reading.run { record in
            let outcome = await announce(record)
            guard outcome == .done, case .vote = record.place else { return outcome }
            return await settle(record)
        }
    }

    /// Why the reading of records is stopped, for `/readyz`; nil while it runs.
    var fault: String? { reading.fault }

    /// Publishes the events of one record.
    func announce(_ record: ApprovalRecord) async -> WorkOutcome {
        // The log has the request.
        if case .request = record.place { return .done }
        do {
            let appended = try await log.append(record.event, onceAt: record.place, intake: record.intake, timeout: Self.timeout)
            guard appended.entry.event.id == record.event.id else {
                return .failed("The log holds another event at the place of this record.")
            }
            guard case .decision(let approvalID) = record.place else { return .done }
            return await announceEffect(of: appended.entry, on: approvalID)
        } catch {
            return .of(error)
        }
    }

    /// Publishes the effect of a decision that the log holds.
    private func announceEffect(of entry: LogEntry, on approvalID: ApprovalID) async -> WorkOutcome {
        guard let decision = Decision(entry.event, on: approvalID) else { return .failed("The record is not a decision.") }
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
