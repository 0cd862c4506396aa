import Basics
import EdgeRuntime
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import NIOCore
import ServiceKit

/// `GET /connections?tenant=&user=` of an edge's admin listener: who is connected, and who was until recently (contract §11).
struct ConnectionsRoute: Sendable {
    /// Maximum number of connections in a page, and the default.
    static let maximumLimit = 1000

    let edge: Edge
    /// The program's name.
    let program: String
    /// The id of the process in surveys.
    let instance: String

    func respond(to request: Request) async throws -> Response {
        let page = await edge.connections(try Self.query(try QueryParameters(of: request)))
        return .json(encoded: ByteBuffer(bytes: document(page).bytes + "\n".utf8))
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

    private func document(_ page: ConnectionPage) -> JSONObject {
        Self.document(page, program: program, instance: instance, now: edge.configuration.wallClock())
    }

    static func document(_ page: ConnectionPage, program: String, instance: String, now: Timestamp) -> JSONObject {
        var document: JSONObject = [
            "program": .string(program), "instance": .string(instance), "time": .string(now.iso8601),
            "following": .boolean(page.interruption == nil),
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
                    "family": .string($0.topic.family.name), "incidentId": .string($0.topic.incidentID.text),
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

// The same document as the answer to a survey of a tenant's connections.
extension ConnectionsRoute {
    /// Size limits of an answer in bytes, for open and for closed connections; each has at least one. Together well below `max_payload`.
    private static let maximumBytes = (open: 128 * 1024, closed: 64 * 1024)

    /// Returns a page of the tenant's connections. Pages of all edges follow the order of their ids: an edge that the pages have passed answers
    /// without connections.
    func answer(_ question: SurveyQuestion) async -> JSONObject {
        var page = await edge.connections(self.query(question))
        // The bus's words are for operators, who ask on the admin listener.
        page.interruption = page.interruption.map { _ in "the log is not followed" }
        return document(Self.bounded(page, isPassed: isPassed(question)))
    }

    private func isPassed(_ question: SurveyQuestion) -> Bool {
        question.place.map { instance.utf8.lexicographicallyPrecedes($0.instance.utf8) } ?? false
    }

    private func query(_ question: SurveyQuestion) -> ConnectionQuery {
        var query = ConnectionQuery(tenant: question.tenant, user: question.user, limit: isPassed(question) ? 0 : question.limit)
        query.place = question.place.flatMap { ConnectionQuery.Place($0.instance == instance ? $0.place : "0-0") }
        return query
    }

    private static func bounded(_ page: ConnectionPage, isPassed: Bool) -> ConnectionPage {
        var page = page
        page.keep(open: count(of: page.open, within: maximumBytes.open), closed: count(of: page.closed, within: maximumBytes.closed))
        if isPassed { page.next = nil }
        return page
    }

    /// Returns how many of the reports fit; at least one.
    private static func count(of reports: [ConnectionReport], within limit: Int) -> Int {
        var bytes = 0
        for (index, report) in reports.enumerated() {
            bytes += object(report).bytes.count + 1
            if bytes > limit, index > 0 { return index }
        }
        return reports.count
    }
}
