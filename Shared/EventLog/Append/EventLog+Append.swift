public import Basics
public import EventModel
import NATSClient

extension EventLog {
    /// Maximum number of events of one append in flight: some 5 ms of nats-server's time, for which the events of other tenants wait.
    static let window = 250
    /// Maximum size of their payloads, in bytes; not less than the largest payload (contract §10).
    ///
    /// All tenants share one path: a connection's buffer, nats-server, the feed of each process. At each of them an event waits for what
    /// another append has in flight there.
    static let windowBytes = 256 << 10
    /// The pace of a tenant's batches and large events, in bytes a second of each process. Acknowledgements bound what is in flight to the log, not
    /// what every process still has to read and to check, at some 200 MiB a second.
    static let bytesPerSecond = 32 << 20
    /// A larger message is a large one, in bytes.
    static let largeMessageBytes = windowBytes / 8

    /// Appends one event; when it returns, the event is durable.
    ///
    /// Idempotent: a duplicate is detected by the event's identity (tenant, source, id). Within the duplicate window, an event with the same
    /// content is not stored again and gets the first cursor; one with other content is a conflict. Any process may retry a retriable error.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - intake: Intake time; part of the cursor, and the time of an event that has none (``Event/assigned``).
    ///   - timeout: How long to retry through an outage; capped below the duplicate window.
    /// - Throws: a retriable ``EventLogError`` when no acknowledgement came in time: the event may or may not be stored;
    ///   ``EventLogError/Code/notWritable`` or ``EventLogError/Code/incompatibleStream`` when a retry does not help;
    ///   ``EventLogError/Code/conflict``, ``EventLogError/Code/tooLarge``, ``EventLogError/Code/rejected``, ``EventLogError/Code/cancelled``.
    public func append(_ event: Event, intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError) -> Appended {
        let appended = try await append(contentsOf: [event], intake: intake, timeout: timeout)
        guard let first = appended.first else { preconditionFailure("one event was appended, so there is one answer") }
        return first
    }

    /// Appends events in order; when it returns, all are durable.
    ///
    /// Faults are found before anything is stored: a message that is too large, an id that the log or an earlier event of the call has with other
    /// content, an approval id in use. Only a concurrent producer with the same id can cause a conflict after some events are stored.
    ///
    /// Sends without waiting for each: a tenant's batches have at most 250 events or 256 KiB in flight, and bring 32 MiB a second. Within a
    /// tenant, sequences follow the array's order, except for duplicates.
    /// (When a cluster changes its leader during the call, retried events may follow later ones.)
    ///
    /// - Parameters: as for ``append(_:intake:timeout:)``, the timeout for all of them.
    /// - Returns: one acknowledgement per event, in order.
    /// - Throws: as ``append(_:intake:timeout:)``; ``EventLogError/index`` is that of the faulty event. After a retriable error some events may be
    ///   stored; retrying the whole call stores the rest.
    public func append(contentsOf events: [Event], intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError)
        -> [Appended]
    {
        let deadline = deadline(timeout)
        if let fault = AppendFaults.inside(events, intake: intake, limit: connection.maximumPayload).first { throw fault }
        // Answer known events from the log. For a single message the append itself is the check: the server stores it or names the stored one.
        let known = events.count > 1 ? try await self.known(events, deadline: deadline) : [:]
        for index in known.keys.sorted() {
            if case .failure(let error) = known[index] { throw error.at(index) }
        }
        let unknown = known.isEmpty ? Array(events.indices) : events.indices.filter { known[$0] == nil }
        let new = known.isEmpty ? events : unknown.map { events[$0] }
        let faults = try await usedApprovals(among: new, deadline: deadline)
        if let first = faults.min(by: { $0.key < $1.key }) { throw first.value.at(events.count > 1 ? unknown[first.key] : nil) }
        var sent = try await send(new, intake: intake, deadline: deadline).makeIterator()
        var appended: [Appended] = []
        appended.reserveCapacity(events.count)
        for index in events.indices {
            guard let result = known[index] ?? sent.next() else { preconditionFailure("what was not known was sent") }
            do throws(EventLogError) {
                appended.append(try result.get())
            } catch {
                throw events.count > 1 ? error.at(index, note: "Events before it may be stored.") : error
            }
        }
        for index in events.indices where EventCatalogue.isApprovalRequest(events[index].type) {
            try await recordRequest(events[index], appended[index], deadline: deadline)
        }
        return appended
    }

    /// Appends events in order, each independently: a faulty event does not stop the others.
    ///
    /// - Parameters: as for ``append(contentsOf:intake:timeout:)``.
    /// - Returns: one result per event, in order; errors are ``EventLogError/Code/conflict`` or ``EventLogError/Code/tooLarge``.
    /// - Throws: errors that concern all events, as ``append(contentsOf:intake:timeout:)`` does.
    public func append(each events: [Event], intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError)
        -> [Result<Appended, EventLogError>]
    {
        let deadline = deadline(timeout)
        var faults = try await usedApprovals(among: events, deadline: deadline)
        for (index, fault) in AppendFaults.sizes(of: events, intake: intake, limit: connection.maximumPayload) { faults[index] = fault }
        let sound = faults.isEmpty ? events : events.indices.filter { faults[$0] == nil }.map { events[$0] }
        var sent = try await send(sound, intake: intake, deadline: deadline).makeIterator()
        let results: [Result<Appended, EventLogError>] = events.indices.map { index in
            if let fault = faults[index] { return .failure(fault) }
            guard let result = sent.next() else { preconditionFailure("what has no fault was sent") }
            return result
        }
        for case (let event, .success(let appended)) in zip(events, results) {
            try await recordRequest(event, appended, deadline: deadline)
        }
        return results
    }

    /// Stores the record of an approval request before the request is acknowledged, so that no retention of the log can take it away (contract §12).
    /// Does nothing for other events.
    ///
    /// After a retriable error the request is in the log; a retry, or the reading that records what comes from the bus, stores the record.
    private func recordRequest(_ event: Event, _ appended: Appended, deadline: ContinuousClock.Instant) async throws(EventLogError) {
        guard EventCatalogue.requestedApproval(event) != nil else { return }
        let remaining = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline))
        let stored = try await ApprovalRecords(beside: self)
            .store(request: event, at: appended.cursor, isPaced: true, timeout: remaining)
        // Another request with the id came over the bus at the same time.
        guard stored.record.request == appended.cursor else { throw .usedApproval }
    }

    /// The end of an append that may take `timeout`.
    func deadline(_ timeout: Duration) -> ContinuousClock.Instant {
        ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
    }

    // MARK: Sending

    /// Stores events, at most ``window`` and ``windowBytes`` in flight, and returns their results.
    private func send(_ events: [Event], intake: Timestamp, deadline: ContinuousClock.Instant) async throws(EventLogError)
        -> [Result<Appended, EventLogError>]
    {
        var results: [Result<Appended, EventLogError>] = []
        for window in Self.windows(of: events) {
            // Without a copy of the one that nearly every request is.
            let piece = window.count == events.count ? events : Array(window)
            results += try await sendWindow(piece, intake: intake, deadline: deadline)
        }
        return results
    }

    /// Cuts events into those that are in flight together: at most ``window``, and ``windowBytes``.
    static func windows(of events: [Event]) -> [ArraySlice<Event>] {
        var windows: [ArraySlice<Event>] = []
        var (start, bytes) = (0, 0)
        for index in events.indices {
            let size = events[index].payload.bytes.count
            if index - start == window || bytes + size > windowBytes {
                windows.append(events[start..<index])
                (start, bytes) = (index, 0)
            }
            bytes += size
        }
        if start < events.count { windows.append(events[start...]) }
        return windows
    }

    private func sendWindow(_ events: [Event], intake: Timestamp, deadline: ContinuousClock.Instant) async throws(EventLogError)
        -> [Result<Appended, EventLogError>]
    {
        let since = acknowledged
        let messages = events.indices.map { EventMessage.outgoing(events[$0], intake: intake) }
        let acks = try await acknowledgements(of: messages, deadline: deadline)
        // A sequence that was assigned before: the stream was recreated.
        if !arePlausible(acks.lazy.compactMap { try? $0.get() }, since: since) {
            try await persevere(until: deadline) { () throws(EventLogError) in try await self.renewEpoch() }
        }
        let duplicates = acks.indices.filter { (try? acks[$0].get())?.isDuplicate == true }
        let stored = try await entries(at: duplicates.compactMap { try? acks[$0].get().sequence }, deadline: deadline)
        let first = Dictionary(zip(duplicates, stored)) { first, _ in first }
        var occupied: [Int: Result<Appended, EventLogError>] = [:]
        for case (let index, .failure(let error)) in acks.enumerated() where error.code == .conflict {
            occupied[index] = try await answer(toSecond: events[index], deadline: deadline)
        }
        let epoch = epoch
        return acks.enumerated().map { index, ack in
            if let answer = occupied[index] { return answer }
            return ack.flatMap { ack in
                guard ack.isDuplicate else {
                    return .success(Appended(cursor: Cursor(time: intake, epoch: epoch, sequence: ack.sequence), isDuplicate: false))
                }
                return (first[index] ?? .gone).answer(to: events[index], epoch: epoch)
            }
        }
    }

    /// Publishes messages, with retries, until each is acknowledged or finally rejected.
    ///
    /// - Returns: per message its acknowledgement or the final rejection.
    /// - Throws: errors that concern all messages, and an outage that lasted until the deadline.
    func acknowledgements(of messages: [OutgoingMessage], deadline: ContinuousClock.Instant) async throws(EventLogError)
        -> [Result<PublishAck, EventLogError>]
    {
        var results: [Result<PublishAck, EventLogError>?] = Array(repeating: nil, count: messages.count)
        var pause = Backoff()
        while true {
            let open = results.indices.filter { results[$0] == nil }
            let remaining = ContinuousClock.now.duration(to: deadline)
            let timeout = max(.milliseconds(1), min(remaining, configuration.requestTimeout))
            var failure: EventLogError?
            let rest = open.count == messages.count ? messages : open.map { messages[$0] }
            for (index, result) in zip(open, await publish(rest, timeout: timeout)) {
                switch result {
                case .success: results[index] = result
                case .failure(let error) where error.code == .tooLarge || error.code == .conflict: results[index] = result
                case .failure(let error): failure = failure ?? error
                }
            }
            guard let failure else { return results.compactMap(\.self) }
            let wait = pause.pause()
            guard failure.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw failure }
            // Perhaps the stream was deleted and must be recreated.
            try await lookAfter(failure)
            try? await Task.sleep(for: wait)
        }
    }

    /// Publishes messages in order and waits for their results.
    ///
    /// Several messages, and a large one, wait for the tenant's turn: however many batches a tenant sends at a time, one window of them is in
    /// flight, and the next one follows at the pace of ``bytesPerSecond``.
    private func publish(_ messages: [OutgoingMessage], timeout: Duration) async -> [Result<PublishAck, EventLogError>] {
        // A small single message has no order to keep, and delays nobody.
        guard messages.count > 1 || messages.contains(where: { $0.encodedCount > Self.largeMessageBytes }),
            let tenant = messages.first.flatMap({ try? EventSubject($0.subject).tenant })
        else {
            return await publish(messages, on: jetStream, timeout: timeout)
        }
        let deadline = ContinuousClock.now.advanced(by: timeout)
        do throws(EventLogError) {
            return try await largeSends.run(messages.reduce(0) { $0 + $1.encodedCount }, of: tenant, until: deadline) {
                () async throws(EventLogError) in
                let access = try await line.jetStream()
                let remaining = ContinuousClock.now.duration(to: deadline)
                guard remaining > .zero else { throw .unavailable("The bus was reached too late. Try again.") }
                return await publish(messages, on: access, timeout: remaining)
            }
        } catch {
            return messages.map { _ in .failure(error) }
        }
    }

    private func publish(
        _ messages: [OutgoingMessage],
        on access: JetStream,
        timeout: Duration
    ) async -> [Result<PublishAck, EventLogError>] {
        let results = await access.publish(inOrder: messages, timeout: timeout)
        if results.contains(where: \.isLate) { line.checkServer(of: access) }
        if results.contains(where: { (try? $0.get())?.isDuplicate == false }) { appendStored() }
        return results.indices.map { index in
            results[index].mapError { error in
                switch error.code {
                // The ordered connection closes when it loses its server; the next attempt gets a new one.
                case .closed where connection.state != .closed: .unavailable("The connection to the bus was lost.")
                // Expected from a probe for a known id, and from a create-once append.
                case .wrongLastSequence: EventLogError(code: .conflict, message: error.message)
                default: appendFailed(error, on: messages[index].subject, size: messages[index].encodedCount)
                }
            }
        }
    }

    /// Retries a request through an outage until the deadline.
    func persevere<Answer: Sendable>(
        until deadline: ContinuousClock.Instant,
        _ question: () async throws(EventLogError) -> Answer
    ) async throws(EventLogError) -> Answer {
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                return try await question()
            } catch {
                let wait = pause.pause()
                guard error.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                try? await Task.sleep(for: wait)
            }
        }
    }
}

extension Result<PublishAck, JetStreamError> {
    /// Whether no answer came in time: the server may be lost.
    var isLate: Bool {
        if case .failure(let error) = self { error.code == .timeout } else { false }
    }
}

extension EventLogConfiguration {
    /// Maximum duration of retries: beyond the duplicate window, a retry could store the event twice.
    var longestAppend: Duration { duplicateWindow - .seconds(20) }
}
