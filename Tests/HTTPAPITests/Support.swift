import AccessControl
import Basics
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import Synchronization
import Testing

/// Keeps every line, with its level and all its metadata.
struct LogRecorder: LogHandler {
    struct Line: Sendable {
        let level: Logger.Level
        let message: String
        let metadata: Logger.Metadata

        subscript(key: String) -> String? { metadata[key].map(\.description) }

        /// Everything a reader of the log gets to see.
        var text: String { "\(level) \(message) \(metadata)" }
    }

    final class Lines: Sendable {
        private let lines = Mutex<[Line]>([])

        var all: [Line] { lines.withLock { $0 } }

        func named(_ message: String) -> [Line] { all.filter { $0.message == message } }

        func append(_ line: Line) { lines.withLock { $0.append(line) } }
    }

    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let merged = metadata.merging(event.metadata ?? [:]) { $1 }
        lines.append(Line(level: event.level, message: "\(event.message)", metadata: merged))
    }
}

/// The routes of a service that has some of everything.
enum SampleService {
    /// The second in which the tests take place.
    static let now: Int64 = 1_700_000_000
    static let secret = "a secret of the sample service, long enough"

    struct UnforeseenError: Error {
        let detail = "the database password is 1234"
    }

    static func authenticator() async throws -> Authenticator {
        try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: secret),
            logger: Logger(label: "test"),
            now: { now * 1000 }
        )
    }

    static func token(_ roles: Set<Role> = [.member], expiresIn seconds: Int64 = 60) async throws -> String {
        try TokenMinter(secret: secret).mint(subject: "u-1", tenant: "acme", roles: roles, expiresAt: now + seconds)
    }

    /// Runs `body` with a client of the service, and what it has logged.
    static func test(
        origins: OriginPolicy = .own,
        counts: RequestCounts = RequestCounts(),
        _ body: @escaping @Sendable (any TestClientProtocol, LogRecorder.Lines) async throws -> Void
    ) async throws {
        let lines = LogRecorder.Lines()
        let router = Router.api(origins: origins, counts: counts)
        let routes = RouteTable(router)
        addRoutes(routes, try await authenticator())
        routes.refuseOtherMethods()
        let application = Application(router: router, logger: Logger(label: "test", factory: { _ in LogRecorder(lines: lines) }))
        try await application.test(.router) { client in try await body(client, lines) }
    }

    private static func addRoutes(_ routes: RouteTable<APIRequestContext>, _ authenticator: Authenticator) {
        routes.get("open") { _, context in context.requestID }
        routes.get("unforeseen") { _, _ -> String in throw UnforeseenError() }
        routes.get("cancelled") { _, _ -> String in throw CancellationError() }
        routes.get("leak") { request, _ -> String in throw LeakingError(text: "bad target \(request.uri.string)") }
        routes.get("forgotten") { _, context in try context.requirePrincipal().user.text }
        routes.get("query") { request, _ in try QueryParameters(of: request).value("a") ?? "-" }
        routes.post("body") { request, _ in try await request.readBody(upTo: 10) }
        routes.post("typed") { request, _ in try request.requireContentType(anyOf: ["application/json"]) }
        routes.authenticated(by: authenticator).get("any") { _, context in try context.requirePrincipal().user.text }
        routes.authenticated(by: authenticator, opensStream: true).get("browser") { _, context in
            try context.requirePrincipal().tenant.text
        }
        routes.authenticated(by: authenticator, anyOf: [.admin, .member]).get("items/:id") { _, context in
            context.parameters.get("id") ?? ""
        }
        routes.authenticated(by: authenticator, anyOf: [.admin]).post("items/:id") { _, _ in HTTPResponse.Status.ok }
    }

    struct LeakingError: Error {
        let text: String
    }
}

extension TestResponse {
    /// The text of the body.
    var text: String { String(buffer: body) }

    /// Whether this is the error `code`, in form and status.
    func isError(_ code: APIError.Code) -> Bool {
        status == code.status && headers[.contentType] == "application/json"
            && text.hasPrefix("{\"error\":\"\(code.rawValue)\",\"message\":\"")
    }
}
