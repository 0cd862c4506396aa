import Basics
import EventModel

extension Explanation {
    /// The answer as a sentence, for people.
    ///
    /// - Parameters:
    ///   - id: the event's id.
    ///   - user: the user who did not get it.
    func sentence(id: String, user: String) -> String {
        let user = TerminalText.safe(user)
        func names(_ texts: [String]) -> String { TerminalText.safe(texts.joined(separator: ", ")) }
        switch self {
        case .notInLog(.removed): return "not in the log: its retention has removed \(id)"
        case .notInLog(.unknown):
            return """
                not in the log: no event has the id \(id), or it is another tenant's or for another user, which only a token with the role \
                producer may see
                """
        case .otherTenant(let tenant): return "another tenant's: \(id) belongs to \(names([tenant]))"
        case .otherUser(let recipients): return "for another user: \(id) is for \(names(recipients)) only"
        case .sent(let connection, let from, let to):
            return "sent: \(connection.place) wrote it between \(from) and \(to); \(connection.written)\(connection.ending)"
        case .edgeNotFollowing(let edge, let reason): return "edge not following: \(edge) does not follow the log: \(reason)"
        case .lagging(let connection):
            let lag = connection.lag.map { "\($0) events" } ?? "more events than are in the edge's memory"
            let verb = connection.end == nil ? "is" : "was"
            return "lagging: \(connection.place) \(verb) \(lag) behind; \(connection.written)\(connection.ending)"
        case .filtered(let connection):
            guard let filter = connection.filter else {
                return "filtered: \(connection.place) has no subscription that pushes it\(connection.ending)"
            }
            return "filtered: \(connection.place) takes only types \(names(filter.patterns))\(connection.ending)"
        case .beforeCursor(let connection):
            return """
                before its cursor: \(connection.place) was opened at \(connection.since) and began behind the event, at \
                \(connection.start)\(connection.ending)
                """
        case .noConnection(let from?, let to): return "no connection: \(user) had none between \(from) and \(to)"
        case .noConnection(nil, let to):
            return "no connection: no edge knows one of \(user) before \(to); those closed long before are forgotten"
        }
    }

    /// The answer as JSON.
    func object(id: String, user: String) -> JSONObject {
        var object: JSONObject = ["answer": .string(name)]
        switch self {
        case .notInLog(let absence): object.append("removed", .boolean(absence == .removed))
        case .otherTenant(let tenant): object.append("tenant", .string(tenant))
        case .otherUser(let recipients): object.append("recipients", .strings(recipients))
        case .sent(let connection, let from, let to):
            connection.append(to: &object)
            object.append("from", .string(from.iso8601))
            object.append("to", .string(to.iso8601))
        case .edgeNotFollowing(let edge, let reason):
            object.append("edge", .string(edge))
            object.append("reason", .string(reason))
        case .lagging(let connection):
            connection.append(to: &object)
            if let lag = connection.lag { object.append("lag", .integer(lag)) }
        case .filtered(let connection), .beforeCursor(let connection): connection.append(to: &object)
        case .noConnection(let from, let to):
            object.append("from", text: from?.iso8601)
            object.append("to", .string(to.iso8601))
        }
        object.append("sentence", .string(sentence(id: id, user: user)))
        return object
    }
}

extension KnownConnection {
    fileprivate var place: String { "connection \(id) (\(surface), \(edge))" }

    fileprivate var written: String {
        let acknowledged =
            switch unacknowledged {
            case nil: "how many of them the peer's kernel acknowledged is not known"
            case 0?: "all acknowledged by the peer's kernel"
            case let count?: "\(count) of them not acknowledged by the peer's kernel"
            }
        return "\(bytes) bytes written, \(acknowledged)"
    }

    fileprivate var ending: String { end.map { "; it ended at \($0.time) (\($0.cause))" } ?? "" }

    fileprivate func append(to object: inout JSONObject) {
        object.append("connection", .string(id))
        object.append("edge", .string(edge))
        object.append("surface", .string(surface))
        object.append("since", .string(since.iso8601))
        object.append("until", text: end?.time.iso8601)
        object.append("bytes", .integer(Int(clamping: bytes)))
        if let unacknowledged { object.append("unacknowledged", .integer(unacknowledged)) }
    }
}
