import Basics
import EventLog
import NATSClient

/// The read marks' stream, `INBOX`.
///
/// Separate from the log, because marks are not events: edges do not deliver them and cursors do not count them.
struct InboxStream: Sendable {
    /// The stream and its reader.
    let followed: FollowedStream

    /// The stream's name.
    static let name = EventLogConfiguration.inboxName

    /// - Parameter log: the log; marks are kept for as long as the events that they mark.
    init(beside log: EventLog) {
        var configuration = StreamConfiguration(name: Self.name, subjects: ["\(ReadMark.prefix).>"])
        configuration.description = "Causeway: what each user has read"
        configuration.maxAge = log.configuration.maxAge ?? .zero
        configuration.maxBytes = log.configuration.inboxBytes ?? -1
        followed = FollowedStream(SideStream(beside: log, configuration), beside: log)
    }

    /// Stores a mark, with retries through a short outage: marks are idempotent.
    ///
    /// - Returns: its sequence.
    func publish(_ mark: ReadMark, within timeout: Duration) async throws -> UInt64 {
        let sequence = try await followed.publish(subject: mark.subject, payload: mark.body(), within: timeout)
        // Without compare-and-set there is always an acknowledgement.
        guard let sequence else { preconditionFailure("a read mark expects no sequence") }
        return sequence
    }
}
