import Basics
import EventModel
import NATSClient

/// The stream whose messages are work, and what its messages are.
public struct WorkSource<Item: Sendable>: Sendable {
    /// The stream's name.
    let stream: String
    /// Creates the stream when it is absent.
    let prepare: @Sendable () async throws(EventLogError) -> Void
    let decode: @Sendable (StoredMessage) throws(ValidationError) -> Item
    /// Whether a malformed message is work that has failed; otherwise it is passed over.
    var failsMalformed = true
    /// Reads the message that a dead letter is about; nil when the stream does not hold it any more.
    let message: @Sendable (DeadLetter) async throws(EventLogError) -> StoredMessage?

    /// Returns the same source with malformed messages passed over: the reading is of messages for others, too.
    public func passingOverMalformed() -> WorkSource {
        var source = self
        source.failsMalformed = false
        return source
    }

    /// Returns the outcome of the work on a message; a malformed one has failed.
    func outcome(of message: StoredMessage, _ handle: @Sendable (Item) async -> WorkOutcome) async -> WorkOutcome {
        let item: Item
        do throws(ValidationError) {
            item = try decode(message)
        } catch {
            return failsMalformed ? .failed("The message is malformed: \(error).") : .done
        }
        return await handle(item)
    }
}

extension WorkSource where Item == LogEntry {
    /// The events of the log.
    public static func events(of log: EventLog) -> WorkSource {
        WorkSource(
            stream: log.configuration.streamName,
            prepare: { () throws(EventLogError) in },
            decode: { (message) throws(ValidationError) in try EventMessage.entry(message) },
            message: { (letter) throws(EventLogError) in
                guard letter.epoch == log.epoch, let message = try await log.message(at: letter.sequence),
                    (try? EventSubject(message.subject).tenant) == letter.tenant
                else { return nil }
                return message
            }
        )
    }
}

extension WorkSource where Item == ApprovalRecord {
    /// The records of approvals beside a log.
    public static func approvalRecords(beside log: EventLog) -> WorkSource {
        let records = ApprovalRecords(beside: log)
        return WorkSource(
            stream: EventLogConfiguration.approvalsName,
            prepare: { () throws(EventLogError) in _ = try await records.stream.ensure() },
            decode: { (message) throws(ValidationError) in try ApprovalRecordMessage.record(message) },
            message: { (letter) throws(EventLogError) in
                do throws(JetStreamError) {
                    let message = try await log.jetStream.message(
                        stream: EventLogConfiguration.approvalsName,
                        sequence: letter.sequence
                    )
                    return message.subject == letter.subject ? message : nil
                } catch {
                    guard error.code == .messageNotFound || error.code == .streamNotFound else { throw EventLogError(error) }
                    return nil
                }
            }
        )
    }
}
