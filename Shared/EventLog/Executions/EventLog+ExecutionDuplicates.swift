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
            guard Self.isOfRun(choice, entry) else { continue }
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

    /// Looks for each event in the log, and for events of the call that share an identity. Stores nothing.
    ///
    /// A request that stored a part of its events and failed is sent again: one look for all makes the second attempt shorter than the first.
    ///
    /// - Returns: for each event the place at which it is stored, or the conflict with the event of its identity; nil for a new one.
    /// - Throws: an error that concerns all events, such as an outage.
    public func stored(
        _ events: [(event: Event, choice: ExecutionChoice)],
        of reference: ExecutionReference,
        timeout: Duration
    ) async throws(EventLogError) -> [Result<AppendedExecutionEvent, EventLogError>?] {
        let deadline = ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
        var answers: [Result<AppendedExecutionEvent, EventLogError>?] = Array(repeating: nil, count: events.count)
        let identities = events.map { event, choice in
            (event: event, identity: MessageID.execution(reference, run: choice.run, id: event.id))
        }
        for fault in AppendFaults.identities(of: identities) {
            if let index = fault.index { answers[index] = .failure(fault) }
        }
        let named = events.indices.filter { answers[$0] == nil && !events[$0].event.assigned.contains(.id) }
        guard !named.isEmpty else { return answers }
        let current = try await persevere(until: deadline) { () throws(EventLogError) in try await self.execution(of: reference)?.run }
        let ids = named.flatMap { index in
            let (event, choice) = events[index]
            return [nil, choice.run ?? current].map { MessageID.execution(reference, run: $0, id: event.id) }
        }
        let places = try await places(of: ids.map { (reference.subject, $0) }, deadline: deadline)
        let known = Set(places.compactMap(\.self)).sorted()
        let entries = Dictionary(uniqueKeysWithValues: zip(known, try await entries(at: known, deadline: deadline)))
        for (position, index) in named.enumerated() {
            let (event, choice) = events[index]
            for place in places[2 * position...2 * position + 1] {
                guard answers[index] == nil, let place, let entry = entries[place], Self.isOfRun(choice, entry) else { continue }
                answers[index] = Result { () throws(EventLogError) in try Self.answer(entry, place, to: event, reference, choice) }
            }
        }
        return answers
    }

    /// Whether an event for `choice` can be the stored one. One that named no run then, and was stored in another run than the one that is named now, is
    /// a different event.
    private static func isOfRun(_ choice: ExecutionChoice, _ stored: StoredEntry) -> Bool {
        guard case .entry(let entry) = stored, let run = choice.run else { return true }
        return entry.execution?.run == run
    }
}
