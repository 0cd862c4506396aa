public import Basics
public import EventModel
import NATSClient

extension EventLog {
    /// The most events that are under way at a time.
    static let window = 1000

    /// Appends one event; when it returns, the event is durable.
    ///
    /// The event is recognised by its tenant and id: one that the log took in within the duplicate window is not stored again, and gets
    /// the cursor it got then. So an append that failed with a retriable error can be repeated without harm, by anyone.
    ///
    /// - Parameters:
    ///   - event: what happened.
    ///   - intake: when it was taken in; becomes part of the cursor.
    ///   - timeout: how long to keep trying through an outage. It ends well within the duplicate window, however large.
    /// - Throws: a retriable ``EventLogError`` when the event was not acknowledged in time, in which case it may or may not be stored;
    ///   ``EventLogError/Code/tooLarge``, ``EventLogError/Code/rejected``, ``EventLogError/Code/cancelled``.
    public func append(_ event: Event, intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError) -> Appended {
        let appended = try await append(contentsOf: [event], intake: intake, timeout: timeout)
        guard let first = appended.first else { preconditionFailure("one event was appended, so there is one answer") }
        return first
    }

    /// Appends events in their order; when it returns, all are durable.
    ///
    /// They go out one behind the other without waiting for each; at most 1,000 are under way at a time. Of a tenant, sequences increase as the
    /// array does, unless an event was in the log already. (Where a cluster changes its leader in the middle, events that have to be sent
    /// again may come behind later ones of the same call.)
    ///
    /// - Parameters: as for ``append(_:intake:timeout:)``, the timeout for all of them.
    /// - Returns: one answer an event, in the order of the events.
    /// - Throws: as ``append(_:intake:timeout:)``. Some of the events may be stored then; repeating the whole call stores the others.
    public func append(contentsOf events: [Event], intake: Timestamp, timeout: Duration = .seconds(10)) async throws(EventLogError)
        -> [Appended]
    {
        let deadline = ContinuousClock.now.advanced(by: min(timeout, configuration.longestAppend))
        var appended: [Appended] = []
        appended.reserveCapacity(events.count)
        var rest = events[...]
        while !rest.isEmpty {
            appended += try await appendWindow(rest.prefix(Self.window), intake: intake, deadline: deadline)
            rest = rest.dropFirst(Self.window)
        }
        return appended
    }

    private func appendWindow(
        _ events: ArraySlice<Event>,
        intake: Timestamp,
        deadline: ContinuousClock.Instant
    ) async throws(EventLogError) -> [Appended] {
        let messages = events.map { event in
            OutgoingMessage(
                subject: EventSubject.event(tenant: event.tenant, type: event.type),
                headers: EventMessage.headers(of: event, intake: intake, messageID: EventMessage.messageID(of: event)),
                payload: event.payload.bytes
            )
        }
        var acks: [PublishAck?] = Array(repeating: nil, count: messages.count)
        var pause = Backoff()
        while true {
            let since = acknowledged
            let open = acks.indices.filter { acks[$0] == nil }
            let remaining = ContinuousClock.now.duration(to: deadline)
            let timeout = max(.milliseconds(1), min(remaining, configuration.requestTimeout))
            let results = await publish(open.map { messages[$0] }, timeout: timeout)
            var failure: EventLogError?
            for (index, result) in zip(open, results) {
                switch result {
                case .success(let ack):
                    acks[index] = ack
                    // A place that was given out before belongs to another life of the log.
                    if !isPlausible(ack, since: since) {
                        try await persevere(until: deadline) { () throws(EventLogError) in try await self.renewEpoch() }
                    }
                case .failure(let error):
                    failure = failure ?? error
                }
            }
            guard let failure else { break }
            let wait = pause.pause()
            guard failure.isRetriable, ContinuousClock.now.advanced(by: wait) < deadline else { throw failure }
            // Perhaps nobody takes the subject, because the stream is gone and has to be made anew.
            if isConnected { try? await renewEpoch() }
            try? await Task.sleep(for: wait)
        }
        return try await answers(to: acks.compactMap { $0 }, intake: intake, deadline: deadline)
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
        return await access.publish(inOrder: messages, timeout: timeout).map { result in
            result.mapError { error in
                switch error.code {
                // Subjects and headers are always valid, so what the client library refuses to send is too large.
                case .client: EventLogError(code: .tooLarge, message: error.message)
                // The line ends with the loss of its server; the next attempt gets another.
                case .closed where connection.state != .closed: .unavailable("The connection to the bus was lost.")
                default: EventLogError(error)
                }
            }
        }
    }

    /// The cursors of acknowledged events. For one that the log held already, the time is that of its first intake, which the log knows.
    private func answers(
        to acks: [PublishAck],
        intake: Timestamp,
        deadline: ContinuousClock.Instant
    ) async throws(EventLogError) -> [Appended] {
        let epoch = epoch
        var answers: [Appended] = []
        answers.reserveCapacity(acks.count)
        for ack in acks {
            var time = intake
            if ack.isDuplicate {
                let first = try await persevere(until: deadline) { () throws(EventLogError) in try await self.intake(of: ack.sequence) }
                time = first ?? intake
            }
            answers.append(Appended(cursor: Cursor(time: time, epoch: epoch, sequence: ack.sequence), isDuplicate: ack.isDuplicate))
        }
        return answers
    }

    /// Repeats a question that meets an outage, as long as there is time.
    private func persevere<Answer: Sendable>(
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
