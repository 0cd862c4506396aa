public import Basics
public import EventModel
import NATSClient
import Synchronization

/// The acknowledgement that an execution event is stored.
public struct AppendedExecutionEvent: Sendable, Hashable {
    /// The run that it belongs to.
    public var run: ExecutionRun
    /// Its number; numbers continue over all executions of the same name.
    public var number: ExecutionNumber
    /// Its sequence in the log.
    public var sequence: UInt64
    /// Whether it is a duplicate; the other fields are then those of the stored event.
    public var isDuplicate: Bool
}

/// Appends execution events and assigns their numbers.
///
/// Uses compare-and-set on the subject: an event is stored only if the subject's last message is still the one that its number was counted
/// from; otherwise it is counted again. Any number of processes may write to the same execution, crash and retry: no number repeats and no event
/// follows a final one; a hole appears only where the log dropped what may have been the subject's (``ExecutionStep``). The local state is
/// only a cache.
///
/// Any thread; no method blocks one.
public final class ExecutionWriter: Sendable {
    private let log: EventLog
    private let newRun: @Sendable (Timestamp) -> ExecutionRun
    private let known = Mutex<[String: ExecutionLast]>([:])

    /// Maximum number of cached subjects; beyond it the cache is cleared.
    private static let capacity = 8192

    /// - Parameter newRun: generates the id of an unnamed execution; by default a ULID.
    public init(
        log: EventLog,
        newRun: (@Sendable (Timestamp) -> ExecutionRun)? = nil
    ) {
        self.log = log
        self.newRun = newRun ?? Self.generatedRun
    }

    @Sendable private static func generatedRun(at time: Timestamp) -> ExecutionRun {
        ExecutionRun(generated: "run_" + ULID.generate(time: time))
    }

    /// Appends an event; when it returns, the event is durable.
    ///
    /// Idempotent: a duplicate is detected by (agent or workflow, run, id). Within the duplicate window, an event with the same content is not stored
    /// again and gets its first number; one with other content is a conflict. An event without a run is recognised in whichever run it was
    /// stored.
    ///
    /// - Parameters:
    ///   - event: The event; its type is one of ``ExecutionCatalogue/type(_:of:)``, its tenant the reference's.
    ///   - reference: The agent or workflow.
    ///   - choice: The execution that it is for.
    ///   - intake: Intake time.
    ///   - timeout: How long to retry, through outages and lost compare-and-sets.
    /// - Returns: the assigned place, or the conflict.
    /// - Throws: a retriable ``EventLogError`` when no acknowledgement came in time: the event may or may not be stored; the other errors of
    ///   ``EventLog/append(_:intake:timeout:)``, ``EventLogError/Code/conflict`` included.
    public func append(
        _ event: Event,
        to reference: ExecutionReference,
        _ choice: ExecutionChoice = .current,
        intake: Timestamp,
        timeout: Duration = .seconds(10)
    ) async throws(EventLogError) -> Result<AppendedExecutionEvent, ExecutionConflict> {
        let deadline = ContinuousClock.now.advanced(by: min(timeout, log.configuration.longestAppend))
        var outage = Backoff()
        var contention = Backoff(first: .milliseconds(1), longest: .milliseconds(50))
        while true {
            do throws(EventLogError) {
                if let answer = try await attempt(event, reference, choice, intake: intake, deadline: deadline) { return answer }
                // Lost the compare-and-set. Read the subject again after a random pause, so that the same writers do not collide again.
                let wait = contention.pause()
                guard ContinuousClock.now.advanced(by: wait) < deadline else {
                    throw EventLogError(code: .timeout, message: "Too many producers write to \(reference) at the same time. Try again.")
                }
                try? await Task.sleep(for: wait)
                if Task.isCancelled { throw .cancelled }
            } catch {
                forget(reference)
                let wait = outage.pause()
                guard error.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                // Perhaps the stream was deleted and must be recreated.
                try await log.lookAfter(error)
                try? await Task.sleep(for: wait)
            }
        }
    }

    /// Makes one attempt; nil when another producer won the compare-and-set.
    private func attempt(
        _ event: Event,
        _ reference: ExecutionReference,
        _ choice: ExecutionChoice,
        intake: Timestamp,
        deadline: ContinuousClock.Instant
    ) async throws(EventLogError) -> Result<AppendedExecutionEvent, ExecutionConflict>? {
        let remembered = known.withLock { $0[reference.subject] }
        let last = if let remembered { remembered } else { try await read(reference) }
        let remaining = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline))
        let timeout = min(remaining, log.configuration.requestTimeout)
        // The id may be stored with the run's name or without. The check is safe: a concurrent store makes the append fail.
        if !event.assigned.contains(.id),
            let first = try await log.duplicate(of: event, reference, choice, last.tail?.run, deadline: deadline)
        {
            return .success(first)
        }
        switch ExecutionStep(after: last, for: choice, newRun: newRun(intake)) {
        case .append(let next):
            let place = next.place(in: reference, isFinal: ExecutionCatalogue.isFinal(event.type))
            return try await store(event, choice, at: place, behind: last.sequence, intake: intake, deadline: deadline, timeout: timeout)
                .map { .success($0) }
        case .endFirst(let next):
            let place = next.place(in: reference, isFinal: true)
            let end = abandonment(of: next.run, reference, at: intake)
            _ = try await store(
                end,
                .named(next.run),
                at: place,
                behind: last.sequence,
                intake: intake,
                deadline: deadline,
                timeout: timeout
            )
            return nil
        case .conflict(let conflict):
            // The cached state may be stale.
            guard remembered == nil else {
                forget(reference)
                return nil
            }
            // A retry by this call of an event that was stored before the execution ended.
            if let first = try await log.duplicate(of: event, reference, choice, last.tail?.run, deadline: deadline) {
                return .success(first)
            }
            return .failure(conflict)
        }
    }

    /// Stores an event; nil if something was stored behind `sequence`.
    private func store(
        _ event: Event,
        _ choice: ExecutionChoice,
        at place: ExecutionPlace,
        behind sequence: UInt64,
        intake: Timestamp,
        deadline: ContinuousClock.Instant,
        timeout: Duration
    ) async throws(EventLogError) -> AppendedExecutionEvent? {
        let reference = place.reference
        let since = log.acknowledged
        let ack: PublishAck
        switch try await publish(event, choice, at: place, expecting: sequence, intake: intake, timeout: timeout) {
        case .acknowledged(let acknowledgement): ack = acknowledgement
        case .overtaken, .inFlight:
            forget(reference)
            return nil
        }
        guard !ack.isDuplicate else {
            forget(reference)
            return try await log.stored(at: ack.sequence, event, reference, choice, deadline: deadline)
        }
        // A sequence that was assigned before: the stream was recreated.
        if !log.isPlausible(ack, since: since) { try? await log.renewEpoch() }
        let tail = ExecutionTail(
            run: place.run,
            number: place.number,
            first: place.first,
            start: place.isFirst ? ack.sequence : place.start,
            isEnded: place.isFinal,
            time: intake
        )
        remember(ExecutionLast(sequence: ack.sequence, tail: tail, place: ack.sequence), of: reference)
        return AppendedExecutionEvent(run: place.run, number: place.number, sequence: ack.sequence, isDuplicate: false)
    }

    /// The result of a publish.
    private enum Publication {
        case acknowledged(PublishAck)
        /// Not stored: the subject's last message is another.
        case overtaken
        /// Not stored, undecided: a concurrent message with the same expectation is in flight.
        case inFlight
    }

    /// Publishes a message with compare-and-set on its subject.
    private func publish(
        _ event: Event,
        _ choice: ExecutionChoice,
        at place: ExecutionPlace,
        expecting sequence: UInt64,
        intake: Timestamp,
        timeout: Duration
    ) async throws(EventLogError) -> Publication {
        let messageID = MessageID.execution(place.reference, run: choice.run, id: event.id)
        let message = OutgoingMessage(
            subject: place.reference.subject,
            headers: ExecutionMessage.headers(of: event, at: place, intake: intake, messageID: messageID),
            payload: event.payload.bytes
        )
        // The expectation adds a header.
        let size = message.encodedCount + "Nats-Expected-Last-Subject-Sequence: \r\n".utf8.count + String(sequence).utf8.count
        if let limit = log.connection.maximumPayload, size > limit { throw .tooLarge(size, limit: limit) }
        do throws(JetStreamError) {
            let ack = try await log.jetStream.publish(
                subject: message.subject,
                headers: message.headers,
                payload: message.payload,
                expectedLastSubjectSequence: sequence,
                timeout: timeout
            )
            if !ack.isDuplicate { log.appendStored() }
            return .acknowledged(ack)
        } catch {
            switch error.code {
            case .wrongLastSequence: return .overtaken
            case .writeInFlight: return .inFlight
            default: throw log.appendFailed(error, on: message.subject, size: size)
            }
        }
    }

    /// The final event of an execution whose producer is gone.
    private func abandonment(of run: ExecutionRun, _ reference: ExecutionReference, at time: Timestamp) -> Event {
        let text = #"{"error":"abandoned: another execution was started in its place"}"#
        guard let payload = try? Payload(validating: Array(text.utf8)) else { preconditionFailure("a constant that is a JSON object") }
        return Event(
            id: EventID(generated: ULID.generate(time: time)),
            tenant: reference.tenant,
            type: ExecutionCatalogue.failure(of: reference.kind),
            time: time,
            payload: payload
        )
    }

    // MARK: The subject's last event

    private func read(_ reference: ExecutionReference) async throws(EventLogError) -> ExecutionLast {
        var last = try await log.last(of: reference)
        // Read afterwards, so that everything dropped before the search is seen.
        last.dropped = try await log.retention().lastDropped(behind: last.place)
        return last
    }

    private func remember(_ last: ExecutionLast, of reference: ExecutionReference) {
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll() }
            // Keep the later of two acknowledged appends, in whatever order they arrive here.
            if known[reference.subject].map({ $0.sequence < last.sequence }) ?? true { known[reference.subject] = last }
        }
    }

    private func forget(_ reference: ExecutionReference) {
        known.withLock { $0[reference.subject] = nil }
    }
}
