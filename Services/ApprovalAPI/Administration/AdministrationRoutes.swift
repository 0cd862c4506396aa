import AccessControl
import Basics
import EventLog
import EventModel
import HTTPAPI
import Hummingbird
import ServiceKit

/// `/v1/admin/…`: shows a tenant's administrators who is connected, what the tenant uses of its shares, and what the log holds of it (contract §11).
struct AdministrationRoutes: Sendable {
    private static let connections: RouterPath = "/v1/admin/connections"
    private static let usage: RouterPath = "/v1/admin/usage"
    private static let log: RouterPath = "/v1/admin/log"
    private static let roles: Set<Role> = [.admin]

    let backend: ApprovalBackend
    let survey: Survey
    let share: AdministrationShare

    /// Registers the routes on `routes`, which must authenticate.
    func register(on routes: some RouterMethods<APIRequestContext>) {
        routes.get(Self.connections) { request, context in try await self.connections(request, context) }
        routes.get(Self.usage) { _, context in try await self.usage(context) }
        routes.get(Self.log) { _, context in try await self.log(context) }
    }

    private func connections(_ request: Request, _ context: APIRequestContext) async throws -> Response {
        let tenant = try context.requireRole(anyOf: Self.roles).tenant
        let query = try QueryParameters(of: request)
        let limit = try query.pageLimit()
        let user = try query.value("user").map { text throws(ValidationError) in try UserID(text, field: "user") }
        let place = try query.value("cursor").map { text throws(APIError) in
            guard let place = SurveyPlace(text) else { throw .validation("cursor: must be the nextCursor of an earlier page.") }
            return place
        }
        let question = SurveyQuestion(tenant: tenant, user: user, limit: limit, place: place)
        let outcome: Survey.Outcome<EdgeAnswer> = try await share.run(for: tenant) { try await survey.ask(.connections, question) }
        return try .json(ConnectionsView(outcome, tenant: tenant, limit: limit), headers: [.cacheControl: "no-store"])
    }

    private func usage(_ context: APIRequestContext) async throws -> Response {
        let tenant = try context.requireRole(anyOf: Self.roles).tenant
        let outcome: Survey.Outcome<UsageAnswer> = try await share.run(for: tenant) {
            try await survey.ask(.usage, SurveyQuestion(tenant: tenant))
        }
        return try .json(UsageView(outcome), headers: [.cacheControl: "no-store"])
    }

    private func log(_ context: APIRequestContext) async throws -> Response {
        let tenant = try context.requireRole(anyOf: Self.roles).tenant
        let log = try backend.parts().log
        let view = try await share.run(for: tenant) {
            do throws(EventLogError) {
                return LogView(
                    log: LogView.Part(try await log.part(of: tenant)),
                    approvals: try await log.approvalsPart(of: tenant).map { LogView.Part($0) }
                )
            } catch {
                throw Unavailable.because(error)
            }
        }
        return try .json(view, headers: [.cacheControl: "no-store"])
    }
}
