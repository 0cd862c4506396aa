import EventLog
import HTTPAPI
import ServiceKit

/// Gives the routes access to the open log.
///
/// Until the bus was reachable once, every request gets 503.
final class ApprovalBackend: Sendable {
    /// Everything that needs the open log.
    struct Parts: Sendable {
        let log: EventLog
        let inbox: InboxStream
        let barrier: ReadBarrier
        let decisions: DecisionService
        let delegations: DelegationService
        let revocations: RevocationService
        let tickets: TicketStream
        /// Time limit for storing something on the bus.
        let timeout: Duration
        let follower: LogFollower
        let letters: DeadLetters
        let work: [BackgroundWork]
        /// The figures of the approvals that wait, as of the last look.
        let waiting: @Sendable () -> WaitingApprovals
    }

    let model: ReadModel
    private let opened = OpenedLog<Parts>()

    init(model: ReadModel) {
        self.model = model
    }

    /// Makes the parts available, once the log is open.
    func begin(_ parts: Parts) {
        opened.begin(parts)
    }

    /// Returns the parts.
    ///
    /// - Throws: `service_unavailable` before the log is open.
    func parts() throws(APIError) -> Parts {
        try opened.parts()
    }
}
