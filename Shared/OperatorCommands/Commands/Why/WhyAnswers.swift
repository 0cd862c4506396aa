import Basics
import EventModel

/// The answer to `GET /v1/events/{id}` (contract §10), as far as `causeway why` reads it.
struct StoredEventAnswer: Decodable, Sendable {
    var id: String
    var tenant: String
    var type: String
    var recipients: [String]?
    var receivedAt: String
    var incidentId: String?
}

/// The answer to `GET /connections` of an edge's admin listener (contract §11).
struct ConnectionsAnswer: Decodable, Sendable {
    struct Connection: Decodable, Sendable {
        struct Topic: Decodable, Sendable {
            var family: String
            var incidentId: String
            var after: UInt64
        }

        var id: String
        /// The id of its edge, in the answer of a deployment.
        var instance: String?
        var surface: String
        var execution: String?
        var requestId: String
        var since: String
        var start: String
        var cursor: String
        var lag: Int?
        var types: [String]?
        var subscriptions: [Topic]?
        var bytes: UInt64
        var unacknowledged: Int?
        var until: String?
        var cause: String?
    }

    var program: String
    var time: String
    var following: Bool
    var interruption: String?
    var position: String?
    var connections: [Connection]
    var closed: [Connection]
    var closedSince: String?
    var next: String?
}

/// The answer to `GET /v1/admin/connections` (contract §11): that of a deployment, which has asked its edges.
struct DeploymentAnswer: Decodable, Sendable {
    struct Edge: Decodable, Sendable {
        var program: String
        var instance: String
        var time: String
        var following: Bool
        var interruption: String?
        var position: String?
        var closedSince: String?
    }

    struct Silent: Decodable, Sendable {
        var program: String
        var instance: String
    }

    var items: [ConnectionsAnswer.Connection]
    var nextCursor: String?
    var closed: [ConnectionsAnswer.Connection]
    var edges: [Edge]
    var complete: Bool
    var silent: [Silent]
}

/// A member of an answer that has no valid value: the answer is another program's.
struct ForeignAnswer: Error {}

/// The answer of an admin listener to a name of the public DNS, which it refuses because of DNS rebinding.
struct RefusedHost: Error, Equatable {
    /// The rule for the name, as the edge words it.
    let message: String

    /// Nil for every other answer.
    init?(_ answer: CausewayServer.Answer) {
        guard answer.status == 403, let words = ServerWords(String(decoding: answer.body, as: UTF8.self)), words.error == "forbidden",
            let message = words.message
        else { return nil }
        self.message = TerminalText.safe(message)
    }
}

extension AskedEvent {
    init(_ answer: StoredEventAnswer) throws {
        guard let cursor = Cursor(answer.id), let type = try? EventType(answer.type),
            let receivedAt = Timestamp(rfc3339: answer.receivedAt)
        else { throw ForeignAnswer() }
        self.init(
            cursor: cursor,
            tenant: answer.tenant,
            type: type,
            recipients: answer.recipients ?? [],
            receivedAt: receivedAt,
            incidentID: answer.incidentId
        )
    }
}

extension KnownEdge {
    /// - Parameters:
    ///   - pages: the answers to the requests for one page after another; not empty.
    ///   - address: where they came from.
    init(_ pages: [ConnectionsAnswer], at address: String) throws {
        guard let first = pages.first, let now = Timestamp(rfc3339: first.time) else { throw ForeignAnswer() }
        let name = "\(TerminalText.safe(first.program)) at \(address)"
        self.init(
            name: name,
            now: now,
            interruption: first.following ? nil : TerminalText.safe(first.interruption ?? "the reason is not known"),
            position: first.position.flatMap { Cursor($0) },
            closedSince: first.closedSince.flatMap { Timestamp(rfc3339: $0) },
            connections: try Self.readers(pages.flatMap(\.connections) + first.closed, of: name)
        )
    }

    /// - Parameters:
    ///   - edge: one of the edges in the answers of a deployment.
    ///   - connections: those of all edges.
    init(_ edge: DeploymentAnswer.Edge, _ connections: [ConnectionsAnswer.Connection]) throws {
        guard let now = Timestamp(rfc3339: edge.time) else { throw ForeignAnswer() }
        let name = TerminalText.safe("\(edge.program) \(edge.instance)")
        self.init(
            name: name,
            now: now,
            interruption: edge.following ? nil : TerminalText.safe(edge.interruption ?? "the reason is not known"),
            position: edge.position.flatMap { Cursor($0) },
            closedSince: edge.closedSince.flatMap { Timestamp(rfc3339: $0) },
            connections: try Self.readers(connections.filter { $0.instance == edge.instance }, of: name)
        )
    }

    /// The connections that read the log: the viewers of an execution get no event of it.
    private static func readers(_ connections: [ConnectionsAnswer.Connection], of name: String) throws -> [KnownConnection] {
        try connections.filter { $0.execution == nil }.map { try KnownConnection($0, of: name) }
    }
}

extension KnownConnection {
    init(_ answer: ConnectionsAnswer.Connection, of edge: String) throws {
        guard let since = Timestamp(rfc3339: answer.since), let start = Cursor(answer.start), let position = Cursor(answer.cursor) else {
            throw ForeignAnswer()
        }
        self.init(
            id: TerminalText.safe(answer.id),
            requestID: answer.requestId,
            surface: TerminalText.safe(answer.surface),
            edge: edge,
            since: since,
            end: try answer.until.map { until in
                guard let time = Timestamp(rfc3339: until) else { throw ForeignAnswer() }
                return End(time: time, cause: TerminalText.safe(answer.cause ?? "unknown"))
            },
            start: start,
            position: position,
            lag: answer.lag,
            filter: try answer.types.map { try TypeFilter(query: $0.joined(separator: ",")) },
            topics: answer.subscriptions?.map { Topic(family: $0.family, incidentID: $0.incidentId, after: $0.after) },
            bytes: answer.bytes,
            unacknowledged: answer.unacknowledged
        )
    }
}
