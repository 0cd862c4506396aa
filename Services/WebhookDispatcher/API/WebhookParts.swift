import EventLog
import ServiceKit
import Webhooks

/// What the routes need of the open log. Any thread.
struct WebhookParts: Sendable {
    let log: EventLog
    let endpoints: EndpointStore
    let sender: WebhookSender
    let journal: AttemptJournal
    /// Time limit for storing something on the bus.
    var timeout: Duration = .seconds(5)
}

/// Gives the routes access to the open log.
typealias WebhookBackend = OpenedLog<WebhookParts>
