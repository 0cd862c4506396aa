/// Configures the log's stream and the requests to it.
public struct EventLogConfiguration: Sendable, Hashable {
    /// Where nats-server stores messages.
    public enum Storage: String, Sendable, Hashable, CaseIterable {
        case file
        /// Lost when the server stops; for tests.
        case memory
    }

    /// The name of the stream. Default `EVENTS`.
    public var streamName = "EVENTS"
    /// Number of servers that keep each event: 1, 3 or 5. More than one needs nats-server 2.10. Default 1.
    public var replicas = 1
    /// Maximum age of an event; nil for ever. Default 7 days.
    public var maxAge: Duration? = .seconds(7 * 86_400)
    /// Maximum size in bytes; then the oldest events are dropped; nil for no limit. Default 10 GiB.
    public var maxBytes: Int64? = 10 << 30
    /// Where messages are stored. Default ``Storage/file``.
    public var storage = Storage.file
    /// How long event ids are remembered for deduplication. Minimum and default: ``minimumDuplicateWindow``.
    public var duplicateWindow = Self.minimumDuplicateWindow
    /// Time limit of one request before it is retried. Default 2 s.
    public var requestTimeout: Duration = .seconds(2)
    /// Time limit of a read of the past. Default 20 s.
    public var readTimeout: Duration = .seconds(20)
    /// Number of concurrent filtered reads, of which a tenant has half at most; where many wait, they share one scan. Default 2: during four, an
    /// acknowledgement of the same server took four times as long.
    public var filteredReads = 2

    /// Minimum deduplication window (contract §10): the same id within two minutes is stored once.
    public static let minimumDuplicateWindow: Duration = .seconds(120)

    /// The name of the side stream of read marks, which are kept as long as the events that they mark.
    public static let inboxName = "INBOX"

    /// Maximum size of the read marks in bytes; nil for no limit. The server reserves what is allowed, and a mark takes a fraction of its
    /// event's size.
    public var inboxBytes: Int64? { maxBytes.map { max($0 / 16, 1 << 20) } }

    /// The name of the side stream of approval records (contract §12).
    public static let approvalsName = "APPROVALS"
    /// Maximum age of an approval's records; nil for ever. Default 365 days.
    public var approvalsMaxAge: Duration? = .seconds(365 * 86_400)
    /// Size of the approval records in bytes beyond which further requests are refused, because none is dropped; nil for no limit. Default 1 GiB.
    public var approvalsMaxBytes: Int64? = 1 << 30
    /// The stream's limit in bytes: more than the records' by what votes and decisions of pending requests need, and by what several processes may store
    /// before each notices. A stream of nats-server 2.9 that reaches its limit may drop its oldest messages although it refuses new ones.
    var approvalsStreamBytes: Int64? { approvalsMaxBytes.map { $0 + max($0 / 4, 64 << 20) } }

    /// The name of the side stream of revoked tokens (contract §13).
    public static let revocationsName = "REVOCATIONS"
    /// The name of the side stream of tickets (contract §13).
    public static let ticketsName = "TICKETS"

    /// The name of the side stream of webhook endpoints (contract §14).
    public static let webhooksName = "WEBHOOKS"
    /// The name of the side stream of attempts at deliveries to them.
    public static let webhookAttemptsName = "WEBHOOK_ATTEMPTS"

    /// Creates a configuration with the defaults.
    public init() {}
}
