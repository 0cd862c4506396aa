public import Basics
public import EventModel
import NATSClient

extension EventLog {
    /// The most events that are under way at a time.
    static let window = 1000

    /// Appends one event; when it returns, the event is durable.
    ///
    /// A duplicate is detected by the event's identity (tenant, source, id): within the duplicate window an event with the same content is not
    /// stored again and gets the cursor of the first time, and one with other content is a conflict. So an append that failed with a
    /// retriable error can be repeated without harm, by anyone.
    ///
    /// - Parameters:
    ///   - event: what happened.
    ///   - intake: when it was taken in; becomes part of the cursor, and the time of an event that has none of its own (``Event/assigned``).
    ///   - timeout: how long to keep trying through an outage. It ends well within the duplicate window, however large.
    /// - Throws: a retriable ``EventLogError`` when the event was not acknowledged in time, in which case it may or may not be stored;
    ///   ``EventLogError/Code/notWritable`` or ``EventLogError/Code/incompatibleStream``, with a sentence, when no repetition helps;
    ///   ``EventLogError/Code/conflict``, ``EventLogError/Code/tooLarge``, ``EventLogError/Code/rejected``, ``EventLogError/Code/cancelled``.
    public func append(_ event: Event, intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError) -> Appended {
        let appended = try await append(contentsOf: [event], intake: intake, timeout: timeout)
        guard let first = appended.first else { preconditionFailure("one event was appended, so there is one answer") }
        return first
    }

    /// Appends events in their order; when it returns, all are durable.
    ///
    /// What is wrong with one of them is found before anything is stored: a message that is too large, an id that the log or an earlier event of
    /// the call has with other content, a request for an approval whose id is in use. Only a producer that uses the same id at the same moment
    /// can make a conflict show later, after some events are stored.
    ///
    /// They go out one behind the other without waiting for each; at most 1,000 are under way at a time. Of a tenant, sequences increase as the
    /// array does, unless an event was in the log already. (Where a cluster changes its leader in the middle, events that have to be sent
    /// again may come behind later ones of the same call.)
    ///
    /// - Parameters: as for ``append(_:intake:timeout:)``, the timeout for all of them.
    /// - Returns: one answer an event, in the order of the events.
    /// - Throws: as ``append(_:intake:timeout:)``; ``EventLogError/index`` says which event is at fault. After a retriable error some of the events
    ///   may be stored; repeating the whole call stores the others.
    public func append(contentsOf events: [Event], intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError)
        -> [Appended]
    {
        let deadline = deadline(timeout)
        if let fault = AppendFaults.inside(events, intake: intake, limit: connection.maximumPayload).first { throw fault }
        // What the log has is answered from there. A single message is its own question: the server either stores it or names the stored one.
        var answers =
            events.count > 1 ? try await known(events, deadline: deadline) : Array(repeating: nil, count: events.count)
        for (index, answer) in answers.enumerated() {
            if case .failure(let error) = answer { throw error.at(index) }
        }
        let unknown = events.indices.filter { answers[$0] == nil }
        for (index, fault) in zip(unknown, try await usedApprovals(among: unknown.map { events[$0] }, deadline: deadline)) {
            if let fault { throw fault.at(events.count > 1 ? index : nil) }
        }
        for (index, result) in zip(unknown, try await send(unknown.map { events[$0] }, intake: intake, deadline: deadline)) {
            answers[index] = result
        }
        var appended: [Appended] = []
        appended.reserveCapacity(events.count)
        for (index, result) in answers.enumerated() {
            guard let result else { preconditionFailure("what was not known was sent") }
            do throws(EventLogError) {
                appended.append(try result.get())
            } catch {
                throw events.count > 1 ? error.at(index, note: "Events before it may be stored.") : error
            }
        }
        return appended
    }

    /// Appends events in their order, each for itself: one that cannot be stored keeps none of the others out.
    ///
    /// - Parameters: as for ``append(contentsOf:intake:timeout:)``.
    /// - Returns: one result an event, in the order of the events; its error is ``EventLogError/Code/conflict`` or
    ///   ``EventLogError/Code/tooLarge``.
    /// - Throws: what concerns all of them, as ``append(contentsOf:intake:timeout:)`` does.
    public func append(each events: [Event], intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError)
        -> [Result<Appended, EventLogError>]
    {
        let deadline = deadline(timeout)
        var faults = try await usedApprovals(among: events, deadline: deadline)
        for (index, fault) in AppendFaults.sizes(of: events, intake: intake, limit: connection.maximumPayload) { faults[index] = fault }
        let sound = events.indices.filter { faults[$0] == nil }
        let sent = try await send(sound.map { events[$0] }, intake: intake, deadline: deadline)
        // Each that has no fault is replaced by what became of it.
        var results = faults.map { fault in Result<Appended, EventLogError>.failure(fault ?? .cancelled) }
        for (index, result) in zip(sound, sent) { results[index] = result }
        return results
    }

    private func deadline(_ timeout: Duration) -> ContinuousClock.Instant {
        ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
    }

    // MARK: Sending

    /// Stores events, at most ``window`` at a time, and says what became of each.
    private func send(_ events: [Event], intake: Timestamp, deadline: ContinuousClock.Instant) async throws(EventLogError)
        -> [Result<Appended, EventLogError>]
    {
        var results: [Result<Appended, EventLogError>] = []
        results.reserveCapacity(events.count)
        var rest = events[...]
        while !rest.isEmpty {
            results += try await sendWindow(Array(rest.prefix(Self.window)), intake: intake, deadline: deadline)
            rest = rest.dropFirst(Self.window)
        }
        return results
    }

    private func sendWindow(_ events: [Event], intake: Timestamp, deadline: ContinuousClock.Instant) async throws(EventLogError)
        -> [Result<Appended, EventLogError>]
    {
        let since = acknowledged
        let acks = try await acknowledgements(of: events.map { EventMessage.outgoing($0, intake: intake) }, deadline: deadline)
        // A place that was given out before belongs to another life of the log.
        for case .success(let ack) in acks where !isPlausible(ack, since: since) {
            try await persevere(until: deadline) { () throws(EventLogError) in try await self.renewEpoch() }
            break
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

    /// Publishes messages until each is acknowledged or refused for what it is.
    ///
    /// - Returns: for each message its acknowledgement, or why the server will never take it.
    /// - Throws: what concerns all messages, and an outage that lasted until the deadline.
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
            for (index, result) in zip(open, await publish(open.map { messages[$0] }, timeout: timeout)) {
                switch result {
                case .success: results[index] = result
                case .failure(let error) where error.code == .tooLarge || error.code == .conflict: results[index] = result
                case .failure(let error): failure = failure ?? error
                }
            }
            guard let failure else { return results.compactMap(\.self) }
            let wait = pause.pause()
            guard failure.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw failure }
            // Perhaps nobody takes the subject, because the stream is gone and has to be created again.
            try await lookAfter(failure)
            try? await Task.sleep(for: wait)
        }
    }

    /// Sends messages one behind the other and waits for what becomes of each.
    private func publish(_ messages: [OutgoingMessage], timeout: Duration) async -> [Result<PublishAck, EventLogError>] {
        let access: JetStream
        do throws(EventLogError) {
            // A single message cannot be overtaken.
            access = messages.count == 1 ? jetStream : try await line.jetStream()
        } catch {
            return messages.map { _ in .failure(error) }
        }
        let results = await access.publish(inOrder: messages, timeout: timeout)
        if results.contains(where: { (try? $0.get())?.isDuplicate == false }) { appendStored() }
        return zip(messages, results).map { message, result in
            result.mapError { error in
                switch error.code {
                // The line ends with the loss of its server; the next attempt gets another.
                case .closed where connection.state != .closed: .unavailable("The connection to the bus was lost.")
                // Expected by a message that asks whether its id is known, and by one whose place takes one.
                case .wrongLastSequence: EventLogError(code: .conflict, message: error.message)
                default: appendFailed(error, on: message.subject, size: message.encodedCount)
                }
            }
        }
    }

    /// Repeats a question that meets an outage, as long as there is time.
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

extension EventLogConfiguration {
    /// How long an append is repeated at most: beyond the duplicate window, a repetition could be stored a second time.
    var longestAppend: Duration { duplicateWindow - .seconds(20) }
}
