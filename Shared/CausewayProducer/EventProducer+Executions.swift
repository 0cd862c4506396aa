public import Basics
public import EventLog
public import EventModel
import Synchronization

/// The acknowledgement that an execution event is stored.
public struct PublishedExecutionEvent: Sendable, Hashable {
    /// The event's id, the deduplication key for two minutes: the caller's, or a generated one.
    public let id: String
    /// The run that it belongs to: the named one, or the current one.
    public let execution: String
    /// Its number, which continues over all executions of the same name: the id that viewers see.
    public let number: UInt64
    /// Whether it is a duplicate: nothing was stored, and the other fields are those of the stored event.
    public let isDuplicate: Bool

    /// Creates a result.
    public init(id: String, execution: String, number: UInt64, isDuplicate: Bool) {
        self.id = id
        self.execution = execution
        self.number = number
        self.isDuplicate = isDuplicate
    }

    init(_ event: Event, _ stored: AppendedExecutionEvent) {
        self.init(id: event.id.text, execution: stored.run.text, number: stored.number.value, isDuplicate: stored.isDuplicate)
    }
}

extension EventProducer {
    /// Publishes an event of an agent's execution (contract §9): `progress`, then `complete` or `failed`, which ends it; the next event begins a new one.
    ///
    /// - Parameters:
    ///   - type: The event type: one lower-case word.
    ///   - agent: The agent's name; no control characters.
    ///   - tenant: The agent's tenant.
    ///   - payload: Encodes to a JSON object. `progress` needs the member `progress`, a number from 0 to 1.
    ///   - execution: The run's id; nil for the current one.
    ///   - id: Deduplication key; nil generates one.
    ///   - time: When it happened; nil for now.
    ///   - timeout: How long to retry; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: ``ProducerError/Code/conflict`` when the execution has ended or another one is running; the errors of
    ///   ``publish(_:timeout:)``.
    @discardableResult
    public nonisolated(nonsending) func publish(
        _ type: String,
        agent: String,
        tenant: String,
        payload: some Encodable,
        execution: String? = nil,
        id: String? = nil,
        time: Timestamp? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedExecutionEvent {
        let payload = try PayloadEncoding.payload(of: payload, allowsStreamMembers: true)
        return try await publish(type, .agents, agent, tenant, payload, execution, id: id, time: time, timeout: timeout)
    }

    /// Publishes an event of a workflow's execution (contract §9): `step_start`, `step_progress`, `step_complete`, and at the end `workflow_complete` or
    /// `workflow_failed`. Steps need the member `stepId`. Otherwise like the one for agents.
    @discardableResult
    public nonisolated(nonsending) func publish(
        _ type: String,
        workflow: String,
        tenant: String,
        payload: some Encodable,
        execution: String? = nil,
        id: String? = nil,
        time: Timestamp? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedExecutionEvent {
        let payload = try PayloadEncoding.payload(of: payload, allowsStreamMembers: true)
        return try await publish(type, .workflows, workflow, tenant, payload, execution, id: id, time: time, timeout: timeout)
    }

    /// Publishes a validated execution event.
    ///
    /// - Parameters:
    ///   - draft: The event. A draft without an id gets one.
    ///   - reference: The agent or workflow.
    ///   - replaces: Whether to end another running execution first, with `failed` or `workflow_failed`.
    ///   - timeout: How long to retry; nil for ``ProducerConfiguration/timeout``.
    @discardableResult
    public func publish(
        _ draft: ExecutionDraft,
        to reference: ExecutionReference,
        replacing replaces: Bool = false,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedExecutionEvent {
        do throws(ValidationError) {
            // The draft knows neither: it may have been made for another agent, or for a workflow.
            _ = try ExecutionCatalogue.type(draft.type.name, of: reference.kind)
            guard draft.tenant == nil || draft.tenant == reference.tenant else {
                throw ValidationError(field: "tenant", message: "is not that of \(reference)")
            }
        } catch {
            throw ProducerError(error)
        }
        let limit = timeout ?? self.timeout
        let deadline = ContinuousClock.now.advanced(by: limit)
        let log = try await ready(within: limit)
        let writer = writer.withLock { writer in
            let current = writer ?? ExecutionWriter(log: log)
            writer = current
            return current
        }
        let now = now()
        let id = EventID(generated: ULID.generate(time: now))
        let event = Self.event(draft, reference, id: id, now)
        let choice = Self.choice(draft, replacing: replaces)
        let result: Result<AppendedExecutionEvent, ExecutionConflict>
        do throws(EventLogError) {
            let remaining = max(.zero, ContinuousClock.now.duration(to: deadline))
            result = try await writer.append(event, to: reference, choice, intake: now, timeout: remaining)
        } catch {
            throw ProducerError(error)
        }
        switch result {
        case .success(let stored): return PublishedExecutionEvent(event, stored)
        case .failure(let conflict):
            throw ProducerError(conflict, reference)
        }
    }

    /// Checks execution events before the first is published: an id with other content, in the log or in the call, or a request key with other
    /// content. Stores no event.
    ///
    /// Finds at once which of several events are stored, so that a call that is repeated publishes only the others.
    ///
    /// - Parameters:
    ///   - drafts: The events, in order.
    ///   - reference: The agent or workflow.
    ///   - replaces: As in ``publish(_:to:replacing:timeout:)``; part of the key's content.
    ///   - key: The request of the events; nil for none.
    ///   - timeout: How long to retry; nil for ``ProducerConfiguration/timeout``.
    /// - Returns: one answer per event: its acknowledgement if it is stored, else nil. A single event is not looked for.
    /// - Throws: ``ProducerError/Code/conflict`` with the field of the first faulty event; the errors of ``publish(_:timeout:)``.
    @discardableResult
    public func check(
        _ drafts: [ExecutionDraft],
        of reference: ExecutionReference,
        replacing replaces: Bool = false,
        under key: RequestKey? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> [PublishedExecutionEvent?] {
        let now = now()
        let events = drafts.enumerated().map { index, draft in
            (
                event: Self.event(draft, reference, id: EventID(generated: "unnamed_\(index)"), now),
                choice: Self.choice(draft, replacing: replaces)
            )
        }
        // For a single event the append itself is the check.
        let unknown: [PublishedExecutionEvent?] = Array(repeating: nil, count: events.count)
        guard key != nil || events.count > 1 else { return unknown }
        return try await withLog(within: timeout) { log, remaining throws(EventLogError) in
            if let key {
                let content = RequestContent(drafts, of: reference, replacing: replaces)
                try await log.claim(key, for: content, timeout: remaining())
            }
            guard events.count > 1 else { return unknown }
            var answers = unknown
            for (index, answer) in try await log.stored(events, of: reference, timeout: remaining()).enumerated() {
                switch answer {
                case nil: break
                case .success(let stored): answers[index] = PublishedExecutionEvent(events[index].event, stored)
                case .failure(let fault): throw fault.at(index)
                }
            }
            return answers
        }
    }

    private static func event(_ draft: ExecutionDraft, _ reference: ExecutionReference, id: EventID, _ now: Timestamp) -> Event {
        var event = Event(
            id: draft.id ?? id,
            tenant: reference.tenant,
            type: draft.type,
            time: draft.time ?? now,
            traceparent: draft.trace?.text,
            payload: draft.payload
        )
        if draft.id == nil { event.assigned.insert(.id) }
        if draft.time == nil { event.assigned.insert(.time) }
        return event
    }

    private static func choice(_ draft: ExecutionDraft, replacing replaces: Bool) -> ExecutionChoice {
        draft.run.map { replaces ? .replacing($0) : .named($0) } ?? .current
    }

    /// Returns the current execution's progress; nil when the log has none.
    public func execution(of reference: ExecutionReference, timeout: Duration? = nil) async throws(ProducerError) -> CurrentExecution? {
        let log = try await ready(within: timeout)
        do throws(EventLogError) {
            return try await log.execution(of: reference).map {
                CurrentExecution(execution: $0.run.text, number: $0.number.value, hasEnded: $0.isEnded, lastEvent: $0.time)
            }
        } catch {
            throw ProducerError(error)
        }
    }

    private func publish(
        _ type: String,
        _ kind: ExecutionReference.Kind,
        _ name: String,
        _ tenant: String,
        _ payload: Payload,
        _ execution: String?,
        id: String?,
        time: Timestamp?,
        timeout: Duration?
    ) async throws(ProducerError) -> PublishedExecutionEvent {
        let draft: ExecutionDraft
        let reference: ExecutionReference
        do throws(ValidationError) {
            reference = ExecutionReference(tenant: try Tenant(tenant), kind: kind, name: try ExecutionName(name))
            draft = try ExecutionDraft(
                kind: kind,
                type: type,
                payload: payload,
                run: execution.map { text throws(ValidationError) in try ExecutionRun(text) },
                id: id.map { text throws(ValidationError) in try EventID(text) },
                time: time
            )
        } catch {
            throw ProducerError(error)
        }
        return try await publish(draft, to: reference, timeout: timeout)
    }
}

/// The progress of an agent's or a workflow's current execution.
public struct CurrentExecution: Sendable, Hashable {
    /// The run's id.
    public let execution: String
    /// The number of its last event.
    public let number: UInt64
    /// Whether the last event was final.
    public let hasEnded: Bool
    /// When the last event was taken in.
    public let lastEvent: Timestamp
}

extension ProducerError {
    init(_ conflict: ExecutionConflict, _ reference: ExecutionReference) {
        let message =
            switch conflict {
            case .ended(let run):
                "The execution \(run) of \(reference) has ended: leave its id out, or choose another, to begin a new one."
            case .otherIsRunning(let run, let since):
                """
                Another execution of \(reference) is running: \(run), whose last event came at \(since.iso8601). Wait for its end, or end it \
                yourself if its producer is gone.
                """
            }
        self.init(.conflict, message, field: "execution")
    }
}
