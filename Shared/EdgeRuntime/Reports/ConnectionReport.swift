public import Basics
public import EventLog
public import EventModel

/// The state of one connection, for operators: open, or recently closed. Holds no token.
public struct ConnectionReport: Sendable {
    /// The end of a closed connection.
    public struct End: Sendable {
        /// When it was closed.
        public var time: Timestamp
        /// The label of its ``Ending``.
        public var cause: String
    }

    /// Unique among the connections of the process: loop, slot, and the slot's generation.
    public var id: String
    /// The name of its encoder, without what the client negotiated: `notification-stream`, `workspace`, `relay`, `long-poll`, `execution-stream`.
    public var surface: String
    /// The events that it reads, and their tenant.
    public var source: LogSource
    /// The user of its token; nil where no token was accepted.
    public var user: UserID?
    /// The id of its HTTP request, as in log lines.
    public var requestID: String
    /// When it was opened.
    public var since: Timestamp
    /// Where delivery began: no event up to here is sent.
    public var start: Cursor
    /// Everything up to here was written to the socket, or is not for this connection.
    public var position: Cursor
    /// The number of events of the source behind ``position``, those that are not for this connection included; nil when some have left
    /// memory.
    public var lag: Int?
    /// The types requested; nil for all.
    public var filter: TypeFilter?
    /// What its client has subscribed to, on a surface with subscriptions; nil on others.
    public var subscriptions: [TopicSubscription]?
    /// Bytes written to the socket.
    public var bytes: UInt64
    /// Events written to the socket.
    public var deliveries: UInt32
    /// Bytes written to the socket that the peer's kernel has not acknowledged; nil for a closed connection.
    public var unacknowledged: Int?
    /// Address and port of the peer, which may be a proxy; nil for a closed connection.
    public var address: String?
    /// The end; nil for an open connection.
    public var end: End?
}

/// The connections that an operator asks for.
public struct ConnectionQuery: Sendable {
    /// Only those of this tenant; nil for all.
    public var tenant: Tenant?
    /// Only those of this user; nil for all.
    public var user: UserID?
    /// Maximum number of open connections in a page, and of closed ones.
    public var limit: Int
    /// Where the page begins; nil for the first one.
    public var place: Place?

    /// The place of a connection among those of the process. A connection keeps its place for life.
    public struct Place: Sendable, Hashable, CustomStringConvertible {
        var loop: Int
        var slot: Int

        init(loop: Int, slot: Int) {
            self.loop = loop
            self.slot = slot
        }

        /// Parses ``description``; nil for any other text.
        public init?(_ text: String) {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let loop = UInt16(parts[0]), let slot = UInt32(parts[1]) else { return nil }
            self.init(loop: Int(loop), slot: Int(slot))
        }

        /// The place of a connection, which its id begins with.
        init?(of report: ConnectionReport) {
            self.init(report.id.split(separator: "-").prefix(2).joined(separator: "-"))
        }

        public var description: String { "\(self.loop)-\(self.slot)" }
    }

    /// Creates a query.
    public init(tenant: Tenant? = nil, user: UserID? = nil, limit: Int, place: Place? = nil) {
        self.tenant = tenant
        self.user = user
        self.limit = limit
        self.place = place
    }

    func matches(_ source: LogSource, _ user: UserID?) -> Bool {
        self.tenant.map { $0 == source.tenant } ?? true && self.user.map { $0 == user } ?? true
    }
}

/// A page of connections.
public struct ConnectionPage: Sendable {
    /// Open connections, by place.
    public var open: [ConnectionReport] = []
    /// Recently closed connections, the last one first; on the first page alone.
    public var closed: [ConnectionReport] = []
    /// No matching connection that was closed since then is missing in ``closed``; nil while the log is not open.
    public var closedSince: Timestamp?
    /// The place of the next page; nil on the last one.
    public var next: ConnectionQuery.Place?
    /// The position of the edge's feed; nil while the log is not open.
    public var position: Cursor?
    /// Why the log is not followed; nil while it is.
    public var interruption: String?

    /// Drops the last connections beyond these numbers. The next page begins with the first open one that was dropped.
    ///
    /// - Parameters:
    ///   - open: at least 1, unless there are none.
    ///   - closed: the same.
    public mutating func keep(open count: Int, closed closedCount: Int) {
        if count < open.count {
            next = ConnectionQuery.Place(of: open[count])
            open.removeSubrange(count...)
        }
        guard closedCount < closed.count, let since = closedSince else { return }
        let newest = ConnectionReport.newest(closed, since: since, limit: closedCount)
        (closed, closedSince) = (newest.reports, newest.since)
    }
}
