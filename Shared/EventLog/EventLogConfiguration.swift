/// How the log is kept.
public struct EventLogConfiguration: Sendable, Hashable {
    /// Where nats-server keeps the messages.
    public enum Storage: String, Sendable, Hashable {
        case file
        /// Gone with the server; for tests.
        case memory
    }

    /// The name of the stream. Default `EVENTS`.
    public var streamName = "EVENTS"
    /// On how many servers each event is kept: 1, 3 or 5. More than one needs nats-server 2.10. Default 1.
    public var replicas = 1
    /// How long an event is kept; nil for ever. Default 7 days.
    public var maxAge: Duration? = .seconds(7 * 86_400)
    /// How many bytes are kept before the oldest events go; nil for no bound. Default 10 GiB.
    public var maxBytes: Int64? = 10 << 30
    /// Default ``Storage/file``.
    public var storage = Storage.file
    /// How long the log recognises an event's id. Not less than ``minimumDuplicateWindow``, which is the default.
    public var duplicateWindow = Self.minimumDuplicateWindow
    /// How long the server may take for one answer before the question is repeated. Default 2 s.
    public var requestTimeout: Duration = .seconds(2)
    /// How long a read of the past may take before it is given up. Default 20 s.
    public var readTimeout: Duration = .seconds(20)
    /// How many tenants' pasts are read by themselves; when more wait, they share one scan. Default 4.
    public var filteredReads = 4

    /// Contract §10: the same id within two minutes is stored once.
    public static let minimumDuplicateWindow: Duration = .seconds(120)

    /// The name of the stream beside the log in which read marks are kept, like the events that they mark and so as long.
    public static let inboxName = "INBOX"

    /// How many bytes of read marks are kept; nil for no bound. The server reserves what is allowed, and a mark takes a fraction of what its event
    /// does.
    public var inboxBytes: Int64? { maxBytes.map { max($0 / 16, 1 << 20) } }

    /// Everything an edge or a producer's process needs, with defaults.
    public init() {}
}
