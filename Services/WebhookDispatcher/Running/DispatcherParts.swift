import EventLog
import Logging
import NATSClient
import ServiceKit
import Webhooks

/// Composes the parts of the dispatcher that need the open log, and runs them in their order.
struct DispatcherParts: Sendable {
    let log: EventLog
    let endpoints: EndpointStore
    let sender: WebhookSender
    let journal: AttemptJournal
    let membership: Membership
    let dispatcher: Dispatcher

    /// Creates the parts; ``run()`` starts them.
    ///
    /// - Parameter endpointsOfTenant: the most endpoints of one tenant.
    /// - Throws: `NATSError` when the connection is closed.
    init(log: EventLog, connection: NATSConnection, sender: WebhookSender, endpointsOfTenant: Int, logger: Logger) throws {
        self.log = log
        self.sender = sender
        endpoints = EndpointStore(beside: log, limit: endpointsOfTenant)
        journal = AttemptJournal(beside: log, logger: logger)
        membership = try Membership(me: .generate(), connection: connection, logger: logger)
        dispatcher = Dispatcher(
            log: log,
            endpoints: endpoints,
            membership: membership,
            sender: sender,
            journal: journal,
            logger: logger
        )
    }

    /// Dispatches until the task is cancelled. Then the attempts under way end and their cursors are written, then this process leaves, so that others
    /// take over from the places that were written, and then the journal is stored.
    ///
    /// - Throws: errors of the dispatcher.
    func run() async throws {
        // Not children: their end follows that of the dispatcher.
        let reporting = Task { await membership.run() }
        let journalling = Task { await journal.run() }
        let end: Result<Void, any Error>
        do {
            end = .success(try await dispatcher.run())
        } catch {
            end = .failure(error)
        }
        reporting.cancel()
        await reporting.value
        journalling.cancel()
        await journalling.value
        sender.close()
        try end.get()
    }
}
