import Basics
public import EventModel

/// Detects duplicates of execution events (contract §2); the identity is (agent or workflow, run, id).
///
/// A message's id includes the run as the producer named it, or none: an event for the current run must be recognised after that run has ended
/// and another begun. So an event may be stored under two ids, and both are checked.
extension EventLog {
    /// Returns the stored place of an event's duplicate within the duplicate window; nil if there is none.
    ///
    /// - Parameter current: the run that receives events without a run.
    /// - Throws: ``EventLogError/Code/conflict`` when the content differs.
    func duplicate(
        of event: Event,
        _ reference: ExecutionReference,
        _ choice: ExecutionChoice,
        _ current: ExecutionRun?,
        deadline: ContinuousClock.Instant
    ) async throws(EventLogError) -> AppendedExecutionEvent? {
        var ids = [MessageID.execution(reference, run: nil, id: event.id)]
        if let run = choice.run ?? current { ids.append(MessageID.execution(reference, run: run, id: event.id)) }
        for place in try await places(of: ids.map { (reference.subject, $0) }, deadline: deadline) {
            guard let place else { continue }
            let entry = try await entries(at: [place], deadline: deadline)[0]
            // It named no run then and was stored in another run than the one named now: a different event.
            if case .entry(let entry) = entry, let run = choice.run, entry.execution?.run != run { continue }
            return try Self.answer(entry, place, to: event, reference, choice)
        }
        return nil
    }

    /// Returns the stored place of an event whose message id was recognised.
    ///
    /// - Throws: ``EventLogError/Code/conflict`` when the event or its content differs.
    func stored(
        at sequence: UInt64,
        _ event: Event,
        _ reference: ExecutionReference,
        _ choice: ExecutionChoice,
        deadline: ContinuousClock.Instant
    ) async throws(EventLogError) -> AppendedExecutionEvent {
        try Self.answer(try await entries(at: [sequence], deadline: deadline)[0], sequence, to: event, reference, choice)
    }

    private static func answer(
        _ stored: StoredEntry,
        _ sequence: UInt64,
        to event: Event,
        _ reference: ExecutionReference,
        _ choice: ExecutionChoice
    ) throws(EventLogError) -> AppendedExecutionEvent {
        switch stored {
        case .gone: throw .goneContent
        case .other: throw .usedID
        case .entry(let entry):
            guard let place = entry.execution, place.reference == reference, entry.event.id == event.id,
                choice.run == nil || choice.run == place.run
            else { throw .usedID }
            guard event.hasSameContent(as: entry.event, takenInAt: entry.intake) else { throw .otherContent }
            return AppendedExecutionEvent(run: place.run, number: place.number, sequence: sequence, isDuplicate: true)
        }
    }

    /// Returns per event the conflict with the stored event of its identity, or with an earlier one of the call; nil for new events and
    /// duplicates. Stores nothing.
    public func conflicts(
        of events: [(event: Event, choice: ExecutionChoice)],
        for reference: ExecutionReference,
        timeout: Duration
    ) async throws(EventLogError) -> [EventLogError?] {
        let deadline = ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
        var faults: [EventLogError?] = Array(repeating: nil, count: events.count)
        let identities = events.map { event, choice in
            (event: event, identity: MessageID.execution(reference, run: choice.run, id: event.id))
        }
        for fault in AppendFaults.identities(of: identities) {
            if let index = fault.index { faults[index] = fault }
        }
        let named = events.indices.filter { faults[$0] == nil && !events[$0].event.assigned.contains(.id) }
        guard !named.isEmpty else { return faults }
        let current = try await persevere(until: deadline) { () throws(EventLogError) in try await self.execution(of: reference)?.run }
        // One request for all; only known events are read individually.
        let ids = named.flatMap { index in
            let (event, choice) = events[index]
            return [nil, choice.run ?? current].map { MessageID.execution(reference, run: $0, id: event.id) }
        }
        let places = try await places(of: ids.map { (reference.subject, $0) }, deadline: deadline)
        for (position, index) in named.enumerated() where places[2 * position] != nil || places[2 * position + 1] != nil {
            do throws(EventLogError) {
                let (event, choice) = events[index]
                _ = try await duplicate(of: event, reference, choice, current, deadline: deadline)
            } catch {
                guard error.code == .conflict else { throw error }
                faults[index] = error
            }
        }
        return faults
    }
}
