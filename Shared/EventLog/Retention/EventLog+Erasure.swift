import EventModel
import NATSClient

extension EventLog {
    /// Erases the message of one event: the server overwrites its bytes and keeps its sequence deleted.
    ///
    /// Edges no longer deliver it after at most 5 s, and the read models drop what they made of it (contract §3). Events of approvals are refused,
    /// because the approval's record would still have the content, and a decision would have no event.
    ///
    /// - Parameter entry: an event of a tenant, read from this log.
    /// - Returns: false when the message is gone already.
    /// - Throws: ``EventLogError/Code/rejected`` for an event of approvals or executions; a retriable error when the log is unreachable.
    public func erase(_ entry: LogEntry) async throws(EventLogError) -> Bool {
        let type = entry.event.type
        guard entry.execution == nil else {
            throw EventLogError(
                code: .rejected,
                message: "An execution's events are numbered without gaps: they leave the log by its limits."
            )
        }
        guard entry.approvalPlace == nil, !EventCatalogue.isApprovalRequest(type), !EventCatalogue.isWrittenByApprovals(type) else {
            throw EventLogError(
                code: .rejected,
                message: "\(type.name) belongs to an approval, whose record has the content too: it leaves the log by its limits."
            )
        }
        do throws(JetStreamError) {
            try await jetStream.deleteMessage(stream: configuration.streamName, sequence: entry.sequence)
            return true
        } catch {
            guard error.code == .messageNotFound else { throw EventLogError(error) }
            return false
        }
    }
}
