public import Basics
public import EventLog
public import EventModel
import Synchronization

/// The log's word that an event of an execution is stored.
public struct PublishedExecutionEvent: Sendable, Hashable {
    /// The id by which a repetition of the event is recognised for two minutes: the caller's, or the one that was made for it.
    public let id: String
    /// The execution it belongs to: the one that was named, or the current one.
    public let execution: String
    /// Its number, which goes on over all executions of the same name: the id that viewers see.
    public let number: UInt64
    /// Whether the log held the event already, so that nothing was stored and the rest is that of the first time.
    public let isDuplicate: Bool

    /// Describes a publish.
    public init(id: String, execution: String, number: UInt64, isDuplicate: Bool) {
        self.id = id
        self.execution = execution
        self.number = number
        self.isDuplicate = isDuplicate
    }
}

extension EventProducer {
    /// Publishes an event of an agent's execution (contract §9): `progress`, then `complete` or `failed`, which ends it; the next event begins a new one.
    ///
    /// - Parameters:
    ///   - type: what happened: one lower-case word.
    ///   - agent: the agent's name, in any characters but control characters.
    ///   - tenant: whose agent it is.
    ///   - payload: what there is to say; encodes to a JSON object. `progress` needs the member `progress`, a number from 0 to 1.
    ///   - execution: the id of the execution it belongs to; nil for the current one.
    ///   - id: by which a repetition is recognised; nil makes a new one.
    ///   - time: when it happened; nil for now.
    ///   - timeout: how long to try; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: ``ProducerError/Code/conflict`` when the execution has ended, or another one is running; else what
    ///   ``publish(_:timeout:)`` throws.
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

    /// Publishes an event of an execution that is checked already.
    ///
    /// - Parameters:
    ///   - draft: what happened. A draft without an id gets a new one.
    ///   - reference: what runs.
    ///   - replaces: whether an execution other than the one that the draft names is ended first, with `failed` or `workflow_failed`, if it still runs.
    ///   - timeout: how long to try; nil for ``ProducerConfiguration/timeout``.
    @discardableResult
    public func publish(
        _ draft: ExecutionDraft,
        to reference: ExecutionReference,
        replacing replaces: Bool = false,
        timeout: Duration? = nil
    ) async throws(ProducerError) -> PublishedExecutionEvent {
        let limit = timeout ?? self.timeout
        let deadline = ContinuousClock.now.advanced(by: limit)
        let log = try await ready(within: limit)
        let writer = writer.withLock { writer in
            let current = writer ?? ExecutionWriter(log: log)
            writer = current
            return current
        }
        var generator = SystemRandomNumberGenerator()
        let now = now()
        let id = EventID(generated: ULID.generate(time: now, using: &generator))
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
        case .success(let stored):
            return PublishedExecutionEvent(
                id: event.id.text,
                execution: stored.run.text,
                number: stored.number.value,
                isDuplicate: stored.isDuplicate
            )
        case .failure(let conflict):
            throw ProducerError(conflict, reference)
        }
    }

    /// Finds what is wrong with events of an execution before the first of them is published: an id that stands for another content, in the log or
    /// among the events, and a request key that does. Stores no event.
    ///
    /// - Parameters:
    ///   - drafts: the events, in their order.
    ///   - reference: what runs.
    ///   - replaces: as in ``publish(_:to:replacing:timeout:)``; part of what the key stands for.
    ///   - key: the request that the events are of; nil for none.
    ///   - timeout: how long to try; nil for ``ProducerConfiguration/timeout``.
    /// - Throws: ``ProducerError/Code/conflict`` with the field of the first one at fault; else what ``publish(_:timeout:)`` throws.
    public func check(
        _ drafts: [ExecutionDraft],
        of reference: ExecutionReference,
        replacing replaces: Bool = false,
        under key: RequestKey? = nil,
        timeout: Duration? = nil
    ) async throws(ProducerError) {
        let now = now()
        let events = drafts.enumerated().map { index, draft in
            (
                event: Self.event(draft, reference, id: EventID(generated: "unnamed_\(index)"), now),
                choice: Self.choice(draft, replacing: replaces)
            )
        }
        // A single event is its own check.
        guard key != nil || events.count > 1 else { return }
        try await withLog(within: timeout) { log, remaining throws(EventLogError) in
            if let key {
                let content = RequestContent(drafts, of: reference, replacing: replaces)
                try await log.claim(key, for: content, timeout: remaining())
            }
            guard events.count > 1 else { return }
            for (index, fault) in try await log.conflicts(of: events, for: reference, timeout: remaining()).enumerated() {
                if let fault { throw fault.at(index) }
            }
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

    /// How far the current execution of something has come; nil when the log knows of none.
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

/// How far the current execution of an agent or a workflow has come.
public struct CurrentExecution: Sendable, Hashable {
    /// Its id.
    public let execution: String
    /// The number of its last event.
    public let number: UInt64
    /// Whether that was a final one.
    public let hasEnded: Bool
    /// When that was taken in.
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
