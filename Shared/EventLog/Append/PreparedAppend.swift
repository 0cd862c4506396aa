public import Basics
public import EventModel
import NATSClient

/// An event whose append needs nothing but its acknowledgement: its faults are ruled out, and its message is encoded.
///
/// ``EventLog/append(_:intake:timeout:)`` without a task, for as long as all goes well.
public struct PreparedAppend: Sendable {
    private let log: EventLog
    private let event: Event
    private let intake: Timestamp
    private let message: OutgoingMessage

    /// Prepares the append of an event; nil if it takes more than a message and its acknowledgement, or if there is no connection.
    ///
    /// - Parameter intake: as for ``EventLog/append(_:intake:timeout:)``.
    public init?(_ event: Event, to log: EventLog, intake: Timestamp) {
        // An approval request has a record beside the log.
        guard EventCatalogue.requestedApproval(event) == nil, let limit = log.connection.maximumPayload else { return nil }
        let message = EventMessage.outgoing(event, intake: intake)
        guard message.encodedCount <= min(limit, EventLog.largeMessageBytes) else { return nil }
        self.log = log
        self.event = event
        self.intake = intake
        self.message = message
    }

    /// Sends the event: on the polled connection if it is open, else on the main one, as ``EventLog/append(_:intake:timeout:)`` does. Does not wait for
    /// the acknowledgement.
    ///
    /// - Parameters:
    ///   - timeout: as for ``EventLog/append(_:intake:timeout:)``.
    ///   - completion: receives the result of ``EventLog/append(_:intake:timeout:)``. Called once, on any thread; must not block.
    public func send(timeout: Duration, completion: @escaping @Sendable (Result<Appended, EventLogError>) -> Void) {
        let deadline = log.deadline(timeout)
        let since = log.acknowledged
        let line = log.quickLine.readyOrBegin()
        (line ?? log.jetStream).publish(message, timeout: min(timeout, log.configuration.requestTimeout)) { result in
            if case .success(let ack) = result, !ack.isDuplicate, log.isPlausible(ack, since: since) {
                log.appendStored()
                return completion(.success(appended(ack)))
            }
            if let line, result.isLate { log.quickLine.checkServer(of: line) }
            Task { completion(await settled(result, deadline: deadline)) }
        }
    }

    /// Returns the result after an acknowledgement that says more than that the event was stored, or after none.
    private func settled(_ result: Result<PublishAck, JetStreamError>, deadline: ContinuousClock.Instant) async
        -> Result<Appended, EventLogError>
    {
        do throws(EventLogError) {
            if case .success(let ack) = result, !ack.isDuplicate {
                // A sequence that was assigned before: the stream was recreated.
                try await log.persevere(until: deadline) { () throws(EventLogError) in try await log.renewEpoch() }
                return .success(appended(ack))
            }
            // The id of the message makes the repetition idempotent.
            return .success(try await log.append(event, intake: intake, timeout: ContinuousClock.now.duration(to: deadline)))
        } catch {
            return .failure(error)
        }
    }

    private func appended(_ ack: PublishAck) -> Appended {
        Appended(cursor: Cursor(time: intake, epoch: log.epoch, sequence: ack.sequence), isDuplicate: false)
    }
}
