import Basics
import EdgeRuntime
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import NIOCore

/// `GET /connections?tenant=&user=` of an edge's admin listener: who is connected, and who was until recently (contract §11).
struct ConnectionsRoute: Sendable {
    /// Maximum number of connections in a page, and the default.
    static let maximumLimit = 1000

    let edge: Edge
    /// The program's name.
    let program: String

    func respond(to request: Request) async throws -> Response {
        let page = await edge.connections(try Self.query(try QueryParameters(of: request)))
        let document = Self.document(page, program: program, now: edge.configuration.wallClock())
        return .json(encoded: ByteBuffer(bytes: document.bytes + "\n".utf8))
    }

    /// - Throws: `validation_error`, with the parameter.
    static func query(_ parameters: QueryParameters) throws(APIError) -> ConnectionQuery {
        var query = ConnectionQuery(limit: maximumLimit)
        let (tenant, user) = (try parameters.value("tenant"), try parameters.value("user"))
        do throws(ValidationError) {
            query.tenant = try tenant.map { text throws(ValidationError) in try Tenant(text, field: "tenant") }
            query.user = try user.map { text throws(ValidationError) in try UserID(text, field: "user") }
        } catch {
            throw APIError(error)
        }
        if let text = try parameters.value("limit") {
            guard text.utf8.count <= 4, let limit = Int(text), (1...maximumLimit).contains(limit) else {
                throw .validation("limit: must be a number from 1 to \(maximumLimit).")
            }
            query.limit = limit
        }
        if let text = try parameters.value("after") {
            guard let place = ConnectionQuery.Place(text) else { throw .validation("after: must be the next of an earlier page.") }
            query.place = place
        }
        return query
    }

    static func document(_ page: ConnectionPage, program: String, now: Timestamp) -> JSONObject {
        var document: JSONObject = [
            "program": .string(program), "time": .string(now.iso8601), "following": .boolean(page.interruption == nil),
        ]
        document.append("interruption", text: page.interruption)
        document.append("position", text: page.position?.text)
        document.append("connections", .array(page.open.map { .object(object($0)) }))
        document.append("closed", .array(page.closed.map { .object(object($0)) }))
        document.append("closedSince", text: page.closedSince?.iso8601)
        document.append("next", text: page.next?.description)
        return document
    }

    private static func object(_ report: ConnectionReport) -> JSONObject {
        var object: JSONObject = [
            "id": .string(report.id), "surface": .string(report.surface), "tenant": .string(report.source.tenant.text),
        ]
        object.append("user", text: report.user?.text)
        if case .execution(let reference) = report.source { object.append("execution", .string("\(reference)")) }
        object.append("requestId", .string(report.requestID))
        object.append("since", .string(report.since.iso8601))
        object.append("start", .string(report.start.text))
        object.append("cursor", .string(report.position.text))
        if let lag = report.lag { object.append("lag", .integer(lag)) }
        if let filter = report.filter { object.append("types", .strings(filter.patterns)) }
        if let subscriptions = report.subscriptions {
            let topics: [JSONObject.Value] = subscriptions.map {
                .object([
                    "family": .string($0.family.name), "incidentId": .string($0.incidentID.text),
                    "after": .integer(Int(clamping: $0.after)),
                ])
            }
            object.append("subscriptions", .array(topics))
        }
        object.append("deliveries", .integer(Int(report.deliveries)))
        object.append("bytes", .integer(Int(clamping: report.bytes)))
        if let bytes = report.unacknowledged { object.append("unacknowledged", .integer(bytes)) }
        object.append("address", text: report.address)
        if let end = report.end {
            object.append("until", .string(end.time.iso8601))
            object.append("cause", .string(end.cause))
        }
        return object
    }
}
