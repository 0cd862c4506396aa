public import Basics
public import EventModel
import NATSClient

extension EventLog {
    /// Appends an event to a place that takes exactly one (create-once). The server decides: of any number of processes and attempts, exactly one
    /// wins. When it returns, the place's event is durable.
    ///
    /// Not bound to the duplicate window: a retry finds the place taken for as long as the log keeps its event. While a concurrent attempt is
    /// undecided (``EventLogError/Code/busy``), it reads again until the timeout.
    ///
    /// - Parameters:
    ///   - event: The event.
    ///   - place: The place, in the log of the event's tenant.
    ///   - messageID: A second deduplication key, within the duplicate window. Any text: it is hashed in a separate domain, so no producer's event
    ///     has the same.
    ///   - intake: Intake time; part of the cursor.
    ///   - timeout: How long to retry through an outage. No attempt begins later.
    /// - Throws: a retriable ``EventLogError`` when no answer came in time: the event may or may not be stored;
    ///   ``EventLogError/Code/notWritable``, ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/tooLarge``,
    ///   ``EventLogError/Code/rejected``, ``EventLogError/Code/cancelled``.
    public func append(
        _ event: Event,
        onceAt place: ApprovalPlace,
        messageID: String? = nil,
        intake: Timestamp,
        timeout: Duration = .seconds(5)
    ) async throws(EventLogError) -> AppendedOnce {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        let subject = EventSubject.approval(tenant: event.tenant, place: place)
        let headers = EventMessage.headers(of: event, intake: intake, messageID: messageID.map(MessageID.once))
        var pause = Backoff()
        while true {
            do throws(EventLogError) {
                let remaining = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline))
                let attempt = min(remaining, configuration.requestTimeout)
                if let sequence = try await create(subject, headers, event.payload.bytes, timeout: attempt) {
                    return .stored(LogEntry(sequence: sequence, intake: intake, event: event, approvalPlace: place))
                }
                if let entry = try await lastEntry(on: subject) { return .occupied(entry) }
                // The stored event has just expired: the place is free again.
                throw EventLogError.unavailable("What the log held at \(subject) has just expired. Try again.")
            } catch {
                guard error.isRetriable else { throw error }
                let wait = pause.pause()
                guard ContinuousClock.now.advanced(by: wait) < deadline else { throw error }
                // Perhaps the stream was deleted and must be recreated.
                try await lookAfter(error)
                try? await Task.sleep(for: wait)
            }
        }
    }

    /// Stores a message as the first of its subject and returns its sequence; nil when the subject has one.
    private func create(
        _ subject: String,
        _ headers: NATSHeaders,
        _ payload: [UInt8],
        timeout: Duration
    ) async throws(EventLogError) -> UInt64? {
        let since = acknowledged
        do throws(JetStreamError) {
            let ack = try await jetStream.publish(
                subject: subject,
                headers: headers,
                payload: payload,
                expectedLastSubjectSequence: 0,
                timeout: timeout
            )
            // A sequence that was assigned before: the stream was recreated.
            if !isPlausible(ack, since: since) { try? await renewEpoch() }
            if !ack.isDuplicate { appendStored() }
            return ack.isDuplicate ? nil : ack.sequence
        } catch {
            switch error.code {
            case .wrongLastSequence: return nil
            default:
                let size = OutgoingMessage(subject: subject, headers: headers, payload: payload).encodedCount
                throw appendFailed(error, on: subject, size: size)
            }
        }
    }

    /// Returns the last entry of a subject, read from the stream's leader; nil when there is none.
    private func lastEntry(on subject: String) async throws(EventLogError) -> LogEntry? {
        let message: StoredMessage
        do throws(JetStreamError) {
            message = try await jetStream.lastMessage(stream: configuration.streamName, subject: subject)
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return nil
        }
        do throws(ValidationError) {
            return try EventMessage.entry(message)
        } catch {
            throw EventLogError(
                code: .rejected,
                message: "What the log holds at \(subject) is no event (\(error)): whoever wrote it broke the log's rules."
            )
        }
    }
}
