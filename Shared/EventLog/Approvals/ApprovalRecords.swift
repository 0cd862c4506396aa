public import Basics
public import EventModel
package import NATSClient

/// The stream of approval records, `APPROVALS`: what an approval is, whatever the log has dropped (contract §12).
///
/// Each place of an approval takes one record (create-once), so of any number of processes and attempts exactly one wins. The stream drops records by
/// age only; when it is full it refuses new ones. Any thread.
public struct ApprovalRecords: Sendable {
    /// The result of storing a record.
    public enum Stored: Sendable {
        /// The place was free and now has the record.
        case new(ApprovalRecord)
        /// The place had a record, perhaps the same one from an attempt whose acknowledgement was lost: compare the ids.
        case occupied(ApprovalRecord)

        /// The record at the place.
        public var record: ApprovalRecord {
            switch self {
            case .new(let record), .occupied(let record): record
            }
        }
    }

    private let log: EventLog

    /// Creates access to the records beside a log.
    public init(beside log: EventLog) {
        self.log = log
    }

    /// The side stream; created by its first writer or reader.
    public var stream: SideStream {
        var stream = StreamConfiguration(
            name: EventLogConfiguration.approvalsName,
            subjects: [ApprovalPlace.recordsFilter, "delegations.>"]
        )
        stream.description = "Causeway: requests, votes and decisions of approvals"
        stream.maxAge = log.configuration.approvalsMaxAge ?? .zero
        stream.maxBytes = log.configuration.approvalsStreamBytes ?? -1
        stream.discard = .new
        return SideStream(beside: log, stream)
    }

    /// The most that a decision or a step of an escalation has in its payload, besides a title and its groups, in bytes.
    private static let derivedBytes = 1024
    /// What nats-server stores with each message, in bytes.
    private static let storedOverhead = 64

    /// Returns how many bytes the records of a request may take: its own, its decision's and its consumption's, and one for each step of its escalation. What
    /// people write, as votes and reasons, is not included.
    public static func bytes(of request: Event) -> Int {
        let payload = request.payload.bytes.count
        guard let id = EventCatalogue.requestedApproval(request) else { return payload }
        let envelope = bytes(of: request, at: .request(approvalID: id)) - payload
        let steps = (try? ApprovalPolicy(request.payload, field: "payload"))?.escalations.count ?? 0
        // A step repeats the title, and names its groups.
        return payload + envelope * (3 + steps) + derivedBytes * (2 + steps) + steps * min(payload, 4 * derivedBytes)
    }

    /// Returns how many bytes a record takes.
    public static func bytes(of event: Event, at place: ApprovalPlace) -> Int {
        let longest = Cursor(time: event.time, epoch: .max, sequence: .max)
        let message = OutgoingMessage(
            subject: place.recordSubject(tenant: event.tenant),
            headers: ApprovalRecordMessage.headers(of: event, intake: event.time, request: longest),
            payload: event.payload.bytes
        )
        return message.encodedCount + storedOverhead
    }

    /// Stores the record of a request that the log holds.
    ///
    /// - Parameters:
    ///   - event: the request's event.
    ///   - cursor: its position in the log.
    ///   - isPaced: whether a large record waits for its tenant's turn (``PacedSends``). Not in a reading that several tenants share: it would wait too.
    /// - Returns: the approval's record, which may be of another request with the same id.
    /// - Throws: as ``store(_:at:intake:timeout:)``.
    @discardableResult
    public func store(
        request event: Event,
        at cursor: Cursor,
        isPaced: Bool = false,
        timeout: Duration
    ) async throws(EventLogError) -> Stored {
        guard let approvalID = EventCatalogue.requestedApproval(event) else {
            throw EventLogError(code: .rejected, message: "The event is not a valid approval request.")
        }
        let place = ApprovalPlace.request(approvalID: approvalID)
        return try await store(event, at: place, intake: cursor.time, request: cursor, isPaced: isPaced, timeout: timeout)
    }

    /// Stores a record, unless its place has one. When it returns, the place's record is durable.
    ///
    /// - Parameters:
    ///   - intake: the time part of the cursor that the event gets in the log.
    ///   - timeout: how long to retry through an outage. No attempt begins later.
    /// - Throws: a retriable ``EventLogError`` when no answer came in time: the record may or may not be stored;
    ///   ``EventLogError/Code/notWritable`` when the stream is full, ``EventLogError/Code/incompatibleStream``, ``EventLogError/Code/tooLarge``,
    ///   ``EventLogError/Code/rejected``, ``EventLogError/Code/cancelled``.
    public func store(_ event: Event, at place: ApprovalPlace, intake: Timestamp, timeout: Duration) async throws(EventLogError) -> Stored {
        try await store(event, at: place, intake: intake, request: nil, isPaced: false, timeout: timeout)
    }

    private func store(
        _ event: Event,
        at place: ApprovalPlace,
        intake: Timestamp,
        request: Cursor?,
        isPaced: Bool,
        timeout: Duration
    ) async throws(EventLogError) -> Stored {
        let subject = place.recordSubject(tenant: event.tenant)
        let headers = ApprovalRecordMessage.headers(of: event, intake: intake, request: request)
        let deadline = ContinuousClock.now.advanced(by: timeout)
        return try await log.persevere(until: deadline) { () throws(EventLogError) in
            func publish() async throws(EventLogError) -> PublishAck? {
                let remaining = max(.milliseconds(1), ContinuousClock.now.duration(to: deadline))
                return try await stream.publish(
                    subject: subject,
                    headers: headers,
                    payload: event.payload.bytes,
                    expectedLastSubjectSequence: 0,
                    timeout: min(remaining, log.configuration.requestTimeout)
                )
            }
            let bytes = event.payload.bytes.count
            let ack =
                isPaced && bytes > EventLog.largeMessageBytes
                ? try await log.largeSends.run(bytes, of: event.tenant, until: deadline, publish) : try await publish()
            if let ack {
                return .new(ApprovalRecord(sequence: ack.sequence, place: place, event: event, intake: intake, request: request))
            }
            if let record = try await record(at: place, tenant: event.tenant) { return .occupied(record) }
            // The stored record has just expired: the place is free again.
            throw EventLogError.unavailable("What \(subject) held has just expired. Try again.")
        }
    }

    /// Checks whether there is room for another request. Votes and decisions of pending requests have room beyond it.
    ///
    /// A look at the stream serves for ``RecordsSize/life``, so several processes may exceed the limit by what they store in that time.
    ///
    /// - Throws: ``EventLogError/Code/notWritable`` when the records have reached `APPROVALS_MAX_BYTES`; retriable errors in an outage.
    public func checkRoom() async throws(EventLogError) {
        guard let limit = log.configuration.approvalsMaxBytes else { return }
        let bytes: UInt64
        if let known = log.recordsSize.known {
            bytes = known
        } else {
            bytes = try await stream.existing()?.state.bytes ?? 0
            log.recordsSize.note(bytes)
        }
        guard bytes < UInt64(max(0, limit)) else {
            throw .notWritable(
                """
                The records of approvals have reached APPROVALS_MAX_BYTES, \(limit) bytes, and none is dropped: raise it in every process, and run \
                `causeway log resize`.
                """
            )
        }
    }

    /// Returns the record at a place, read from the stream's leader; nil for a free place.
    public func record(at place: ApprovalPlace, tenant: Tenant) async throws(EventLogError) -> ApprovalRecord? {
        let message: StoredMessage
        do throws(JetStreamError) {
            message = try await log.jetStream.lastMessage(
                stream: EventLogConfiguration.approvalsName,
                subject: place.recordSubject(tenant: tenant)
            )
        } catch {
            guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
            return nil
        }
        do throws(ValidationError) {
            return try ApprovalRecordMessage.record(message)
        } catch {
            throw EventLogError(
                code: .rejected,
                message: "What \(message.subject) holds is no record (\(error)): a program on the bus broke the stream's rules."
            )
        }
    }

    /// Decodes a message of the stream.
    ///
    /// - Throws: a ``ValidationError`` when it is not a record.
    package static func record(of message: JetStreamMessage) throws(ValidationError) -> ApprovalRecord {
        try ApprovalRecordMessage.record(StoredMessage(message))
    }
}
