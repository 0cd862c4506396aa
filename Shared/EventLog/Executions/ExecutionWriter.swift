public import Basics
public import EventModel
import NATSClient
import Synchronization

/// The log's word that an event of an execution is stored.
public struct AppendedExecutionEvent: Sendable, Hashable {
    /// Which execution it belongs to.
    public var run: ExecutionRun
    /// Its number, which goes on over all executions of the same name.
    public var number: ExecutionNumber
    /// Its place in the log.
    public var sequence: UInt64
    /// Whether the log held it already, so that the rest is that of the first time.
    public var isDuplicate: Bool
}

/// Appends events of executions and gives them their numbers.
///
/// The numbers are decided by the log alone: an event goes in only if the last one of its subject is still the one that its number was
/// counted from (compare-and-set on the subject), else it is counted anew. So any number of processes may write to the same execution, die and come
/// back; there is never a repetition, or anything behind a final event, and a hole only where the log dropped what may have been the subject's
/// (``ExecutionStep``). What is remembered here saves a question, nothing else.
///
/// All methods may be called from any thread; none blocks one.
public final class ExecutionWriter: Sendable {
    private let log: EventLog
    private let newRun: @Sendable (Timestamp) -> ExecutionRun
    private let known = Mutex<[String: ExecutionLast]>([:])

    /// How many subjects are remembered; beyond that all are forgotten, and asked for again.
    private static let capacity = 8192

    /// - Parameter newRun: makes the id of an execution that nobody named; by default a ULID of the moment.
    public init(
        log: EventLog,
        newRun: (@Sendable (Timestamp) -> ExecutionRun)? = nil
    ) {
        self.log = log
        self.newRun = newRun ?? Self.generatedRun
    }

    @Sendable private static func generatedRun(at time: Timestamp) -> ExecutionRun {
        var generator = SystemRandomNumberGenerator()
        return ExecutionRun(generated: "run_" + ULID.generate(time: time, using: &generator))
    }

    /// Appends an event; when it returns, the event is durable.
    ///
    /// A duplicate is detected by (agent or workflow, run, id): within the duplicate window an event with the same content is not stored again and
    /// gets the number it got then, and one with other content is a conflict. An event that names no run is recognised in whichever run it was
    /// stored.
    ///
    /// - Parameters:
    ///   - event: what happened; its type is one of ``ExecutionCatalogue/type(_:of:)``, its tenant the reference's.
    ///   - reference: what runs.
    ///   - choice: which execution it is for.
    ///   - intake: when it was taken in.
    ///   - timeout: how long to try, through outages and against other producers.
    /// - Returns: the place it got, or why it cannot have one.
    /// - Throws: a retriable ``EventLogError`` when it was not acknowledged in time, in which case it may or may not be stored; the others of
    ///   ``EventLog/append(_:intake:timeout:)``, ``EventLogError/Code/conflict`` among them.
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
                // Somebody else was first. The subject is read anew, in a moment, so that the same do not meet again.
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
                // Perhaps nobody takes the subject, because the stream is gone and has to be made anew.
                try await log.lookAfter(error)
                try? await Task.sleep(for: wait)
            }
        }
    }

    /// One attempt; nil when another producer was quicker.
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
        // The producer's own id may be known under the run's name or without it. Asking is safe: what another stores meanwhile refuses the append.
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
            // What is remembered may be old.
            guard remembered == nil else {
                forget(reference)
                return nil
            }
            // A repetition, by this very call, of an event that was stored before the execution ended.
            if let first = try await log.duplicate(of: event, reference, choice, last.tail?.run, deadline: deadline) {
                return .success(first)
            }
            return .failure(conflict)
        }
    }

    /// Stores an event unless something came behind `sequence`; nil then.
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
        // A place that was given out before belongs to another life of the log.
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

    /// What the server answers to a message.
    private enum Publication {
        case acknowledged(PublishAck)
        /// Not stored: something else is the subject's last.
        case overtaken
        /// Not stored, and nothing is decided: another message that expects the same is in flight.
        case inFlight
    }

    /// Sends a message that is stored only if the subject's last one is still the expected one.
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
        // The expectation is one more header.
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

    /// The event that ends an execution whose producer is gone.
    private func abandonment(of run: ExecutionRun, _ reference: ExecutionReference, at time: Timestamp) -> Event {
        let text = #"{"error":"abandoned: another execution was started in its place"}"#
        guard let payload = try? Payload(validating: Array(text.utf8)) else { preconditionFailure("a constant that is a JSON object") }
        var generator = SystemRandomNumberGenerator()
        return Event(
            id: EventID(generated: ULID.generate(time: time, using: &generator)),
            tenant: reference.tenant,
            type: ExecutionCatalogue.failure(of: reference.kind),
            time: time,
            payload: payload
        )
    }

    // MARK: What the subject's last event is

    private func read(_ reference: ExecutionReference) async throws(EventLogError) -> ExecutionLast {
        var last = try await log.last(of: reference)
        // Asked for afterwards: what was gone when the last event was looked for is seen.
        last.dropped = try await log.retention().lastDropped(behind: last.place)
        return last
    }

    private func remember(_ last: ExecutionLast, of reference: ExecutionReference) {
        known.withLock { known in
            if known.count >= Self.capacity { known.removeAll() }
            // Of two appends that were acknowledged, the later one counts, whoever comes here first.
            if known[reference.subject].map({ $0.sequence < last.sequence }) ?? true { known[reference.subject] = last }
        }
    }

    private func forget(_ reference: ExecutionReference) {
        known.withLock { $0[reference.subject] = nil }
    }
}
