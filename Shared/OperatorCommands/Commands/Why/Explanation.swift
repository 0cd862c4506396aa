import Basics
import EventModel

/// The event that somebody did not get.
struct AskedEvent: Sendable {
    let cursor: Cursor
    let tenant: String
    let type: EventType
    /// Empty for everyone in the tenant.
    let recipients: [String]
    /// The time of intake.
    let receivedAt: Timestamp
    /// The incident that it is about, if any.
    let incidentID: String?
}

/// A connection of the user, open or recently closed, as its edge reports it.
struct KnownConnection: Sendable, Equatable {
    struct End: Sendable, Equatable {
        let time: Timestamp
        let cause: String
    }

    /// A subscription on the relay.
    struct Topic: Sendable, Equatable {
        let family: String
        let incidentID: String
        /// The sequence after which events are pushed.
        let after: UInt64
    }

    let id: String
    let requestID: String
    let surface: String
    /// The edge, for people.
    let edge: String
    let since: Timestamp
    /// Nil for an open connection.
    var end: End?
    let start: Cursor
    let position: Cursor
    /// The number of events behind ``position``; nil when not all are in the edge's memory.
    var lag: Int?
    var filter: TypeFilter?
    /// Nil on a surface without subscriptions.
    var topics: [Topic]?
    let bytes: UInt64
    /// Bytes written that the peer's kernel has not acknowledged; nil when not known.
    var unacknowledged: Int?

    /// Whether the event was written to the socket, or is not for this connection.
    func hasPassed(_ event: AskedEvent) -> Bool {
        self.position.epoch == event.cursor.epoch && self.position.sequence >= event.cursor.sequence
    }

    /// Whether it was closed before its edge had the event. A connection without lag at its end was, whatever the clocks of the edge and of
    /// the intake say.
    func wasClosed(before event: AskedEvent) -> Bool {
        guard let end, !self.hasPassed(event) else { return false }
        return end.time <= event.receivedAt || self.lag == 0
    }
}

/// What an edge reports about one user.
struct KnownEdge: Sendable {
    /// For people.
    let name: String
    /// The edge's clock.
    let now: Timestamp
    /// Why it does not follow the log; nil while it does.
    var interruption: String?
    var position: Cursor?
    /// No connection that was closed since then is missing in ``connections``.
    var closedSince: Timestamp?
    let connections: [KnownConnection]
}

/// Why a user did not get an event: the closed list of answers. Ordered by what explains most.
enum Explanation: Sendable, Equatable {
    /// Why an id leads to no event.
    enum Absence: Sendable, Equatable {
        /// The log's retention has removed it.
        case removed
        /// No event has the id, or the token may not see it.
        case unknown
    }

    case notInLog(Absence)
    case otherTenant(String)
    case otherUser([String])
    /// The event was written to the socket, between two moments.
    case sent(KnownConnection, from: Timestamp, to: Timestamp)
    case edgeNotFollowing(edge: String, reason: String)
    /// The connection has not reached the event, or had not when it was closed.
    case lagging(KnownConnection)
    case filtered(KnownConnection)
    case beforeCursor(KnownConnection)
    /// The user had no connection when the event came in. `from` is nil when no edge knows whether there was one before.
    case noConnection(from: Timestamp?, to: Timestamp)

    /// The name in JSON.
    var name: String {
        switch self {
        case .notInLog: "not_in_log"
        case .otherTenant: "other_tenant"
        case .otherUser: "other_user"
        case .sent: "sent"
        case .edgeNotFollowing: "edge_not_following"
        case .lagging: "lagging"
        case .filtered: "filtered"
        case .beforeCursor: "before_cursor"
        case .noConnection: "no_connection"
        }
    }

    /// The place in the order of answers.
    private var rank: Int {
        switch self {
        case .notInLog, .otherTenant, .otherUser: 0
        case .sent: 1
        case .edgeNotFollowing: 2
        case .lagging: 3
        case .filtered: 4
        case .beforeCursor: 5
        case .noConnection: 6
        }
    }
}

extension Explanation {
    /// Returns the answer that the event alone gives; nil when the connections decide.
    static func byEvent(_ event: AskedEvent, tenant: String, user: String) -> Explanation? {
        if event.tenant != tenant { return .otherTenant(event.tenant) }
        if !event.recipients.isEmpty, !event.recipients.contains(user) { return .otherUser(event.recipients) }
        return nil
    }

    /// Returns the answers of the user's connections, the one that explains most first; never empty.
    ///
    /// - Parameter isOfOne: whether the question is about one connection, and not about the user.
    static func byConnections(_ event: AskedEvent, _ edges: [KnownEdge], isOfOne: Bool = false) -> [Explanation] {
        var found: [Explanation] = []
        for edge in edges { found += edge.connections.compactMap { explanation(of: $0, event, edge) } }
        let wasConnected = edges.contains { edge in
            edge.connections.contains { $0.since <= event.receivedAt && !$0.wasClosed(before: event) }
        }
        let hasReader = found.contains { if case .beforeCursor = $0 { false } else { true } }
        if !hasReader, !wasConnected {
            found += edges.compactMap { edge in edge.interruption.map { .edgeNotFollowing(edge: edge.name, reason: $0) } }
            if !isOfOne || found.isEmpty { found.append(gap(around: event, edges)) }
        }
        // One edge with several connections is one answer.
        var kept: [Explanation] = []
        for one in found where !kept.contains(one) { kept.append(one) }
        return kept.enumerated().sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element)
    }

    /// Returns what one connection says about an event; nil for one that was closed before the event came in.
    private static func explanation(of connection: KnownConnection, _ event: AskedEvent, _ edge: KnownEdge) -> Explanation? {
        if connection.wasClosed(before: event) { return nil }
        if connection.start.epoch == event.cursor.epoch, connection.start.sequence >= event.cursor.sequence {
            return .beforeCursor(connection)
        }
        if let filter = connection.filter, !filter.matches(event.type) { return .filtered(connection) }
        if let topics = connection.topics {
            let matching = topics.filter { topic in
                EventFamily(pushing: event.type)?.name == topic.family && topic.incidentID == event.incidentID
            }
            if matching.isEmpty { return .filtered(connection) }
            if matching.allSatisfy({ $0.after >= event.cursor.sequence }) { return .beforeCursor(connection) }
        }
        if connection.hasPassed(event) {
            let to = connection.end?.time ?? edge.now
            return .sent(connection, from: min(max(event.receivedAt, connection.since), to), to: to)
        }
        if connection.end == nil, let interruption = edge.interruption, (edge.position?.sequence ?? 0) < event.cursor.sequence {
            return .edgeNotFollowing(edge: edge.name, reason: interruption)
        }
        return .lagging(connection)
    }

    /// Returns the time without a connection around an event.
    private static func gap(around event: AskedEvent, _ edges: [KnownEdge]) -> Explanation {
        let connections = edges.flatMap(\.connections)
        let ended = connections.filter { $0.wasClosed(before: event) }.compactMap(\.end?.time).max()
        let known = edges.compactMap(\.closedSince).max().flatMap { $0 <= event.receivedAt ? $0 : nil }
        let began = connections.map(\.since).filter { $0 >= event.receivedAt }.min()
        let to = began ?? edges.map(\.now).max() ?? event.receivedAt
        // The clocks of the edges may differ.
        return .noConnection(from: (ended ?? known).map { min($0, to) }, to: to)
    }
}
