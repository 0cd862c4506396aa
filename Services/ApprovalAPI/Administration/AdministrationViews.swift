import Basics
import EventLog
import ServiceKit

/// An edge's answer to a survey of connections: the document of its admin listener (contract §11).
struct EdgeAnswer: Decodable, Sendable {
    let program: String
    let time: String
    let following: Bool
    let interruption: String?
    let position: String?
    let connections: [ConnectionView]
    let closed: [ConnectionView]
    let closedSince: String?
    let next: String?
}

/// The JSON of a connection (contract §11), as its edge wrote it.
struct ConnectionView: Codable, Sendable {
    /// A subscription on the relay.
    struct Subscription: Codable, Sendable {
        let family: String
        let incidentId: String
        let after: Int
    }

    let id: String
    /// The id of its edge; absent in the edge's answer.
    var instance: String?
    let surface: String
    let tenant: String
    let user: String?
    let execution: String?
    let requestId: String
    let since: String
    let start: String
    let cursor: String
    let lag: Int?
    let types: [String]?
    let subscriptions: [Subscription]?
    let deliveries: Int
    let bytes: Int
    let unacknowledged: Int?
    let address: String?
    let until: String?
    let cause: String?

    /// Its place among the connections of all edges; nil for an id that no edge has.
    var place: SurveyPlace? {
        instance.flatMap { SurveyPlace("\($0).\(id.split(separator: "-").prefix(2).joined(separator: "-"))") }
    }
}

/// The answer to `GET /v1/admin/connections`.
struct ConnectionsView: Encodable, Sendable {
    /// An edge that answered.
    struct Edge: Encodable, Sendable {
        let program: String
        let instance: String
        let time: String
        let following: Bool
        let interruption: String?
        let position: String?
        var closedSince: String?
    }

    private(set) var items: [ConnectionView] = []
    private(set) var nextCursor: String?
    private(set) var closed: [ConnectionView] = []
    private(set) var edges: [Edge]
    let complete: Bool
    let silent: [Survey.Silent]

    /// The most bytes of open connections, and of closed ones, unless it is a single one.
    private static let maximumBytes = 256 * 1024

    /// Merges the answers of the edges, in the order of their ids, into one page.
    ///
    /// - Parameters:
    ///   - limit: the most open connections, and the most closed ones.
    init(_ outcome: Survey.Outcome<EdgeAnswer>, tenant: Tenant, limit: Int) {
        complete = outcome.isComplete
        silent = outcome.silent
        edges = outcome.answers.map { instance, answer in
            Edge(
                program: answer.program,
                instance: instance,
                time: answer.time,
                following: answer.following,
                interruption: answer.interruption,
                position: answer.position,
                closedSince: answer.closedSince
            )
        }
        var bytes = 0
        pages: for (instance, answer) in outcome.answers {
            for connection in Self.own(answer.connections, of: instance, tenant) {
                bytes += Self.size(connection)
                guard items.count < limit, items.isEmpty || bytes <= Self.maximumBytes else {
                    nextCursor = connection.place?.description
                    break pages
                }
                items.append(connection)
            }
            // The edge has more: its next page comes before those of the edges behind it.
            if let next = answer.next {
                nextCursor = SurveyPlace(instance: instance, place: next).description
                break
            }
        }
        bytes = 0
        let ended = outcome.answers.flatMap { Self.own($0.answer.closed, of: $0.instance, tenant) }
        for connection in ended.sorted(by: { ($0.until ?? "") > ($1.until ?? "") }) {
            bytes += Self.size(connection)
            guard closed.count < limit, closed.isEmpty || bytes <= Self.maximumBytes else {
                // From here on some are left out, of any edge.
                for index in edges.indices { edges[index].closedSince = max(edges[index].closedSince ?? "", connection.until ?? "") }
                break
            }
            closed.append(connection)
        }
    }

    /// The connections of the tenant alone, with the id of their edge.
    private static func own(_ connections: [ConnectionView], of instance: String, _ tenant: Tenant) -> [ConnectionView] {
        connections.filter { $0.tenant.utf8.elementsEqual(tenant.text.utf8) }.map { connection in
            var connection = connection
            connection.instance = instance
            return connection
        }
    }

    /// An upper bound that is cheap: names and numbers take 600 bytes at most.
    private static func size(_ connection: ConnectionView) -> Int {
        let topics = (connection.subscriptions ?? []).reduce(0) { $0 + $1.incidentId.utf8.count + 80 }
        let types = (connection.types ?? []).reduce(0) { $0 + $1.utf8.count + 3 }
        let names = [connection.tenant, connection.user ?? "", connection.execution ?? ""].reduce(0) { $0 + $1.utf8.count }
        return 600 + topics + types + names
    }

    private enum CodingKeys: CodingKey {
        case items, nextCursor, closed, edges, complete, silent
    }

    /// Encodes the answer; `nextCursor` is null on the last page.
    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(items, forKey: .items)
        try values.encode(nextCursor, forKey: .nextCursor)
        try values.encode(closed, forKey: .closed)
        try values.encode(edges, forKey: .edges)
        try values.encode(complete, forKey: .complete)
        try values.encode(silent, forKey: .silent)
    }
}

/// The answer to `GET /v1/admin/usage`.
struct UsageView: Encodable, Sendable {
    /// A process that answered.
    struct Instance: Encodable, Sendable {
        let program: String
        let instance: String
        let shares: [ShareUse]
    }

    let instances: [Instance]
    let complete: Bool
    let silent: [Survey.Silent]

    init(_ outcome: Survey.Outcome<UsageAnswer>) {
        instances = outcome.answers.map { Instance(program: $0.answer.program, instance: $0.instance, shares: $0.answer.shares) }
        complete = outcome.isComplete
        silent = outcome.silent
    }
}

/// A process's answer to a survey of usage.
struct UsageAnswer: Decodable, Sendable {
    let program: String
    let shares: [ShareUse]
}

/// The answer to `GET /v1/admin/log`.
struct LogView: Encodable, Sendable {
    /// One stream.
    struct Part: Encodable, Sendable {
        let messages: Int
        let keptSince: String?
        let maxAge: String?
        let maxBytes: Int?
        let filledPercent: Int?
        let dropsOldest: Bool

        init(_ part: TenantPart) {
            messages = Int(clamping: part.messages)
            keptSince = part.keptSince?.iso8601
            maxAge = part.limits.maxAge.map { DurationText.show($0) }
            maxBytes = part.limits.maxBytes.map { Int($0) }
            filledPercent = part.filledPercent
            dropsOldest = part.dropsOldest
        }
    }

    let log: Part
    let approvals: Part?
}
