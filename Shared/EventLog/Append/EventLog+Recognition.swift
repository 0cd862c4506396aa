import Basics
import EventModel
import NATSClient

/// The log's entry at the sequence of a duplicate's acknowledgement.
enum StoredEntry: Sendable {
    /// An event.
    case entry(LogEntry)
    /// A message that is not an event: another publisher used the id.
    case other
    /// Absent: the log dropped it within the duplicate window.
    case gone

    /// Returns the producer's answer for a tenant's event.
    func answer(to event: Event, epoch: UInt16) -> Result<Appended, EventLogError> {
        switch self {
        case .entry(let entry):
            guard entry.isOfProducer, entry.event.identity == event.identity else {
                return .failure(.usedID)
            }
            guard event.hasSameContent(as: entry.event, takenInAt: entry.intake) else { return .failure(.otherContent) }
            return .success(Appended(cursor: entry.cursor(epoch: epoch), isDuplicate: true))
        case .other: return .failure(.usedID)
        case .gone: return .failure(.goneContent)
        }
    }

    /// Returns the producer's answer for an approval request whose approval exists. A request without an id is identified by its approval, like
    /// a retry.
    func answer(toRequest event: Event, epoch: UInt16) -> Result<Appended, EventLogError> {
        guard event.assigned.contains(.id), case .entry(let entry) = self, entry.isOfProducer else {
            return answer(to: event, epoch: epoch)
        }
        guard event.hasSameContent(as: entry.event, takenInAt: entry.intake) else { return .failure(.usedApproval) }
        return .success(Appended(cursor: entry.cursor(epoch: epoch), isDuplicate: true))
    }
}

extension LogEntry {
    /// Whether the entry's subject is one that producers write to.
    fileprivate var isOfProducer: Bool {
        switch approvalPlace {
        case nil, .request: execution == nil
        case .vote, .escalation, .decision, .effect, .consumption: false
        }
    }
}

extension EventLogError {
    static let usedApproval = conflict(
        "is the id of another approval, decided or not; choose another approvalId, or send the same event again unchanged",
        field: "payload.approvalId"
    )
    static let otherContent = conflict(
        "is the id of an event with another content that was stored within the last two minutes; send the same content, or choose another id"
    )
    static let usedID = conflict("has the message id of something else in the log; choose another id")
    static let goneContent = conflict(
        """
        is the id of an event that was stored within the last two minutes and that the log has dropped since, so that its content cannot be \
        compared; choose another id
        """
    )
}

extension EventLog {
    /// A sequence that no subject's last message has: a message that expects it is rejected, unless the server knows its id.
    static let impossibleSequence: UInt64 = 1 << 62

    /// Maximum number of concurrent reads of stored messages.
    private static let readsAtATime = 32

    /// Returns the sequences of message ids stored within the duplicate window. Stores nothing.
    ///
    /// - Parameter ids: each with a subject of the log.
    /// - Returns: one answer per id: the sequence, or nil.
    func places(of ids: [(subject: String, messageID: String)], deadline: ContinuousClock.Instant) async throws(EventLogError) -> [UInt64?]
    {
        var places: [UInt64?] = []
        places.reserveCapacity(ids.count)
        var rest = ids[...]
        while !rest.isEmpty {
            let messages = rest.prefix(Self.window).map { id in
                OutgoingMessage(
                    subject: id.subject,
                    headers: [
                        "Nats-Msg-Id": id.messageID, "Nats-Expected-Last-Subject-Sequence": String(Self.impossibleSequence),
                    ],
                    payload: []
                )
            }
            for result in try await acknowledgements(of: messages, deadline: deadline) {
                switch result {
                case .success(let ack): places.append(ack.isDuplicate ? ack.sequence : nil)
                case .failure(let error):
                    guard error.code == .conflict else { throw error }
                    places.append(nil)
                }
            }
            rest = rest.dropFirst(Self.window)
        }
        return places
    }

    /// Returns the entries at the given sequences.
    func entries(at sequences: [UInt64], deadline: ContinuousClock.Instant) async throws(EventLogError) -> [StoredEntry] {
        var found: [StoredEntry] = []
        found.reserveCapacity(sequences.count)
        var rest = sequences[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Self.readsAtATime))
            let results = await withTaskGroup(of: (Int, Result<StoredEntry, EventLogError>).self) { group in
                for (index, sequence) in piece.enumerated() {
                    group.addTask {
                        do throws(EventLogError) {
                            let entry = try await self.persevere(until: deadline) { () throws(EventLogError) in
                                try await self.entry(at: sequence)
                            }
                            return (index, .success(entry))
                        } catch {
                            return (index, .failure(error))
                        }
                    }
                }
                var results = piece.map { _ in Result<StoredEntry, EventLogError>.success(.gone) }
                for await (index, result) in group { results[index] = result }
                return results
            }
            for result in results { found.append(try result.get()) }
            rest = rest.dropFirst(piece.count)
        }
        return found
    }

    /// Returns the entry at a sequence, read from the stream's leader.
    private func entry(at sequence: UInt64) async throws(EventLogError) -> StoredEntry {
        let message: StoredMessage
        do throws(JetStreamError) {
            message = try await jetStream.message(stream: configuration.streamName, sequence: sequence)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return .gone
        }
        guard let entry = try? EventMessage.entry(message) else { return .other }
        return .entry(entry)
    }

    // MARK: Checks before an append

    /// Returns, by index, the duplicate's answer or the conflict of each event whose identity is known within the duplicate window.
    func known(_ events: [Event], deadline: ContinuousClock.Instant) async throws(EventLogError) -> [Int: Result<Appended, EventLogError>] {
        // A generated id is unique.
        let named = events.indices.filter { !events[$0].assigned.contains(.id) }
        guard !named.isEmpty else { return [:] }
        var known: [Int: Result<Appended, EventLogError>] = [:]
        for (index, answer) in zip(named, try await answers(to: named.map { events[$0] }, deadline: deadline)) { known[index] = answer }
        return known
    }

    /// Returns, by index, the conflict of each approval request whose id is in use, unless it is a retry of the stored request.
    ///
    /// An id is in use while its record is kept, or the log keeps its request, its decision or the decision's effect, so that one request is never shown
    /// for another.
    /// This check precedes storing; of two concurrent requests the server takes one (``EventMessage/outgoing(_:intake:)``).
    func usedApprovals(among events: [Event], deadline: ContinuousClock.Instant) async throws(EventLogError) -> [Int: EventLogError] {
        var faults: [Int: EventLogError] = [:]
        var rest = events.indices.filter { index in
            // The type first: it takes no copy of the event.
            EventCatalogue.isApprovalRequest(events[index].type) && EventMessage.requestPlace(of: events[index]) != nil
        }[...]
        if !rest.isEmpty {
            // Before anything is stored: a request without a record could not be answered.
            try await persevere(until: deadline) { () throws(EventLogError) in try await ApprovalRecords(beside: self).checkRoom() }
        }
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Self.readsAtATime))
            let results = await withTaskGroup(of: (Int, Result<EventLogError?, EventLogError>).self) { group in
                for index in piece {
                    group.addTask {
                        do throws(EventLogError) {
                            // Not within the tuple: optimised, Swift 6.3.1 returns that without its index.
                            let fault = try await self.usedApproval(of: events[index], deadline: deadline)
                            return (index, .success(fault))
                        } catch {
                            return (index, .failure(error))
                        }
                    }
                }
                var results: [(Int, Result<EventLogError?, EventLogError>)] = []
                for await result in group { results.append(result) }
                return results
            }
            for (index, result) in results { faults[index] = try result.get() }
            rest = rest.dropFirst(piece.count)
        }
        return faults
    }

    /// The same for one event.
    private func usedApproval(of event: Event, deadline: ContinuousClock.Instant) async throws(EventLogError) -> EventLogError? {
        guard let approvalID = EventCatalogue.requestedApproval(event) else { return nil }
        func held(at place: ApprovalPlace) async throws(EventLogError) -> StoredEntry {
            try await lastEntry(at: EventSubject.approval(tenant: event.tenant, place: place), deadline: deadline)
        }
        let request = try await held(at: .request(approvalID: approvalID))
        var isDecided = false
        for place in [ApprovalPlace.decision(approvalID: approvalID), .effect(approvalID: approvalID)] where !isDecided {
            if case .gone = try await held(at: place) { continue }
            isDecided = true
        }
        let records = ApprovalRecords(beside: self)
        let isRecorded = try await persevere(until: deadline) { () throws(EventLogError) in
            try await records.record(at: .request(approvalID: approvalID), tenant: event.tenant) != nil
        }
        if case .gone = request, !isDecided, !isRecorded { return nil }
        if !isDecided, isRecorded {
            isDecided = try await persevere(until: deadline) { () throws(EventLogError) in
                try await records.record(at: .decision(approvalID: approvalID), tenant: event.tenant) != nil
            }
        }
        // Without an id it is a retry only while the request is pending.
        if case .success = request.answer(toRequest: event, epoch: epoch), !isDecided || !event.assigned.contains(.id) { return nil }
        // A request published over the bus is at another subject.
        if case .success = try await answers(to: [event], deadline: deadline)[0] { return nil }
        return .usedApproval
    }

    /// Returns the producer's answer for a request whose approval existed when the server checked.
    func answer(toSecond event: Event, deadline: ContinuousClock.Instant) async throws(EventLogError) -> Result<Appended, EventLogError> {
        guard let place = EventMessage.requestPlace(of: event) else { return .failure(.usedID) }
        let stored = try await lastEntry(at: place, deadline: deadline)
        if case .gone = stored { return .failure(.unavailable("The request that had the approvalId has just left the log. Try again.")) }
        if case .success(let appended) = stored.answer(toRequest: event, epoch: epoch) { return .success(appended) }
        return .failure(.usedApproval)
    }

    /// Returns the last entry of a subject, read from the stream's leader.
    private func lastEntry(at subject: String, deadline: ContinuousClock.Instant) async throws(EventLogError) -> StoredEntry {
        try await persevere(until: deadline) { () throws(EventLogError) in
            let message: StoredMessage
            do throws(JetStreamError) {
                message = try await self.jetStream.lastMessage(stream: self.configuration.streamName, subject: subject)
            } catch {
                guard error.code == .messageNotFound else { throw EventLogError(error) }
                return .gone
            }
            guard let entry = try? EventMessage.entry(message) else { return .other }
            return .entry(entry)
        }
    }

    /// Returns the log's answers to known events; nil for unknown ones.
    private func answers(to events: [Event], deadline: ContinuousClock.Instant) async throws(EventLogError)
        -> [Result<Appended, EventLogError>?]
    {
        let ids = events.map { (EventSubject.event(tenant: $0.tenant, type: $0.type), MessageID.event($0.identity)) }
        let places = try await places(of: ids, deadline: deadline)
        let known = places.indices.filter { places[$0] != nil }
        let stored = try await entries(at: known.compactMap { places[$0] }, deadline: deadline)
        var answers: [Result<Appended, EventLogError>?] = Array(repeating: nil, count: events.count)
        for (index, entry) in zip(known, stored) { answers[index] = entry.answer(to: events[index], epoch: epoch) }
        return answers
    }
}
