import AccessControl
import Basics
import EventLog
import EventModel
import FoundationEssentials
import HTTPAPI
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import ServiceKit
import Synchronization
import TestKit
import Webhooks

@testable import webhook_dispatcher

/// The routes with their router, on a real nats-server. Keep it to the end of the test.
final class RoutesBench: Sendable {
    /// An answer.
    struct Answer: Sendable, Equatable {
        var status: Int
        var headers: HTTPFields
        var body: String

        /// A string member of the JSON body.
        func member(_ name: String) -> String? { object?.string(name) }

        /// The names of the JSON body's members.
        var names: Set<String> { Set(object?.names ?? []) }

        /// The JSON body.
        func decoded<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
            try JSONDecoder().decode(type, from: Data(body.utf8))
        }

        private var object: Payload? { try? Payload(validating: Array(body.utf8), allowsStreamMembers: true) }
    }

    /// An endpoint as its tenant sees it.
    struct Endpoint: Decodable, Sendable, Equatable {
        struct State: Decodable, Sendable, Equatable {
            var name: String
            var since: String?
            var failures: Int?
            var retryAt: String?
            var reason: String?
        }

        struct Replay: Decodable, Sendable, Equatable {
            var requestedAt: String
            var from: String
            var to: String
        }

        var id: String
        var url: String
        var types: [String]
        var description: String?
        var ordered: Bool
        var user: String?
        var createdAt: String
        var state: State
        var cursor: String
        var replay: Replay?
        var secret: String?
    }

    /// An attempt.
    struct Attempt: Decodable, Sendable, Equatable {
        var id: String
        var type: String
        var startedAt: String
        var durationMs: Int
        var status: Int?
        var answer: String?
        var error: String?
    }

    /// The answer to a test, or to a request to send an event again.
    struct Result: Decodable, Sendable {
        var delivered: Bool
        var attempt: Attempt
    }

    /// The latest attempts.
    struct Attempts: Decodable, Sendable {
        var attempts: [Attempt]
    }

    /// A page of a list.
    struct Page: Decodable, Sendable {
        var items: [Endpoint]
        var nextCursor: String?
    }

    /// Answers names with prepared addresses.
    struct Resolver: HostResolver {
        var names: [String: [String]]

        func addresses(of name: String, for tenant: Tenant) async -> [IPAddress] { (names[name] ?? []).compactMap { IPAddress($0) } }
    }

    static let start = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)
    private static let secret = "a secret that is long enough for HS256"

    let bus: BusBench
    let log: EventLog
    let endpoints: EndpointStore
    let journal: AttemptJournal
    private let sender: WebhookSender
    private let backend = WebhookBackend()
    private let clock: Clock

    private final class Clock: Sendable {
        let now = Mutex(RoutesBench.start)
    }

    /// - Parameters:
    ///   - allowed: networks that webhooks may also be sent to.
    ///   - names: the addresses of names.
    ///   - limit: endpoints of a tenant.
    ///   - isOpen: whether the log has been reached.
    init(
        allowed: [String] = [],
        names: [String: [String]] = ["hooks.example": ["93.184.215.14"], "other.example": ["2606:2800:21f:cb07::1"]],
        limit: Int = 100,
        isOpen: Bool = true
    ) async throws {
        bus = try await BusBench()
        log = try await bus.openLog()
        let clock = Clock()
        self.clock = clock
        let now: @Sendable () -> Timestamp = { clock.now.withLock { $0 } }
        endpoints = EndpointStore(beside: log, limit: limit, now: now)
        journal = AttemptJournal(beside: log, logger: BusBench.logger)
        sender = try WebhookSender(
            WebhookSenderConfiguration(rules: AddressRules(allowedNetworks: allowed)),
            resolver: Resolver(names: names),
            now: now
        )
        if isOpen {
            backend.begin(WebhookParts(log: log, endpoints: endpoints, sender: sender, journal: journal, timeout: .seconds(60)))
        }
    }

    deinit { sender.close() }

    /// Moves the clock of the routes and of the store.
    func advance(by duration: Duration) { clock.now.withLock { $0 = $0.advanced(by: duration) } }

    /// Runs `body` with a client of the routes.
    func run(
        limit: RateLimit? = nil,
        shares: EndpointShares = EndpointShares(endpointsOfTenant: 100),
        _ body: @Sendable (Client) async throws -> Void
    ) async throws {
        let authenticator = try await Authenticator(
            configuration: AccessControlConfiguration(hs256Secret: Self.secret),
            logger: BusBench.logger
        )
        let router = WebhookRouter.make(
            backend: backend,
            authenticator: authenticator,
            requests: RateLimitMiddleware(limit, usage: TenantUsage()),
            shares: shares,
            origins: .own,
            now: { [clock] in clock.now.withLock { $0 } }
        )
        try await Application(router: router, logger: BusBench.logger).test(.router) { client in try await body(Client(client: client)) }
        withExtendedLifetime(self) {}
    }

    /// Stores an endpoint at an address that is closed to webhooks, as one that was registered while it was open.
    func closedEndpoint(of tenant: Tenant) async throws -> EndpointID {
        try await endpoints.register(
            Webhooks.Endpoint.Settings(url: WebhookURL("https://10.0.0.1/"), types: EndpointTypes(["incident.*"])),
            of: tenant,
            secret: .generate(),
            cursor: Cursor(time: Self.start, epoch: log.epoch, sequence: 0),
            within: .seconds(60)
        ).endpoint.id
    }

    /// Changes an endpoint as the process that delivers to it does.
    func change(_ id: String, of tenant: Tenant = "acme", _ change: (inout Webhooks.Endpoint) -> Void) async throws {
        guard let id = EndpointID(id) else { return }
        _ = try await endpoints.update(id, of: tenant, within: .seconds(60), change)
    }

    /// Appends an event, and returns its cursor.
    @discardableResult
    func publish(_ id: String, tenant: Tenant = "acme", type: String = "incident.created", user: UserID? = nil) async throws -> Cursor {
        let event = Event(
            id: try EventID(id),
            tenant: tenant,
            type: try EventType(type),
            user: user,
            time: Self.start,
            payload: try Payload(validating: Array(#"{"incidentId":"i"}"#.utf8))
        )
        return try await log.append(event, intake: Self.start, timeout: .seconds(60)).cursor
    }

    /// Sends requests.
    struct Client: Sendable {
        let client: any TestClientProtocol

        func send(
            _ method: HTTPRequest.Method,
            _ path: String,
            _ body: String? = nil,
            subject: String = "ann",
            tenant: String = "acme",
            roles: Set<Role> = [.admin],
            headers: [HTTPField.Name: String] = [:]
        ) async throws -> Answer {
            let expiry = Int64(Date().timeIntervalSince1970) + 600
            let token = try TokenMinter(secret: RoutesBench.secret).mint(subject: subject, tenant: tenant, roles: roles, expiresAt: expiry)
            var fields: HTTPFields = [.authorization: "Bearer \(token)"]
            if body != nil { fields[.contentType] = "application/json" }
            for (name, value) in headers { fields[name] = value }
            return try await client.execute(uri: path, method: method, headers: fields, body: body.map { ByteBuffer(string: $0) }) {
                response in
                Answer(status: response.status.code, headers: response.headers, body: String(buffer: response.body))
            }
        }

        /// Registers an endpoint.
        func register(
            _ url: String = "https://hooks.example/a",
            tenant: String = "acme",
            subject: String = "ann",
            members: String = "",
            key: String? = nil
        ) async throws -> Answer {
            try await send(
                .post,
                "/v1/webhooks",
                #"{"url":"\#(url)","types":["incident.*"]\#(members)}"#,
                subject: subject,
                tenant: tenant,
                headers: key.map { [.idempotencyKey: $0] } ?? [:]
            )
        }
    }
}
