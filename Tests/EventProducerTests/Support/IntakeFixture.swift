import AccessControl
import Basics
import CausewayProducer
import EventModel
import FoundationEssentials
import HTTPAPI
import HTTPFront
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore

@testable import event_producer

/// The intake with its router, on a sink that records events in memory.
struct IntakeFixture {
    /// A response of the intake.
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPFields
        var body: String

        /// Returns a string member of the JSON body.
        func member(_ name: String) -> String? {
            (try? Payload(validating: Array(body.utf8)))?.string(name)
        }
    }

    static let now = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)
    private static let secret = "a secret that is long enough for HS256"

    let sink: RecordingSink
    let gate: IntakeGate

    /// - Parameters:
    ///   - now: the clock of the shares and of the refusal delay.
    ///   - sleep: called for the delay of a refusal.
    init(
        sink: RecordingSink = RecordingSink(),
        limits: IntakeLimits = IntakeLimits(),
        now: @escaping @Sendable () -> Duration = { .zero },
        sleep: @escaping @Sendable (Duration) async -> Void = { _ in }
    ) {
        self.sink = sink
        gate = IntakeGate(limits, shares: IntakeShares(limits, now: now), refusals: RefusalDelay(now: now), threads: 2, sleep: sleep)
    }

    /// Returns a token that the intake accepts.
    static func token(subject: String = "svc", tenant: String = "acme", roles: Set<Role> = [.admin]) async throws -> String {
        let expiry = Int64(Date().timeIntervalSince1970) + 600
        return try TokenMinter(secret: secret).mint(subject: subject, tenant: tenant, roles: roles, expiresAt: expiry)
    }

    /// Runs `body` with a client of the intake.
    ///
    /// - Parameter looking: the route of stored events, if any.
    func run<Result: Sendable>(
        _ looking: StoredEventRoute? = nil,
        _ body: @Sendable (Client) async throws -> Result
    ) async throws -> Result {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let authenticator = try await Authenticator(configuration: AccessControlConfiguration(hs256Secret: Self.secret), logger: logger)
        let router = Router.api()
        let routes = RouteTable(router)
        let producers = routes.authenticated(by: authenticator)
        EventIntakeRoute(sink: sink, gate: gate, now: { Self.now }).register(on: producers)
        ExecutionIntakeRoute(sink: sink, gate: gate).register(on: producers)
        looking?.register(on: producers)
        routes.refuseOtherMethods()
        let quick = QuickIntake(
            authenticator: authenticator,
            sink: sink,
            gate: gate,
            origins: .own,
            counts: RequestCounts(),
            logger: logger,
            now: { Self.now }
        )
        let door = IntakeDoor.current
        return try await Application(router: router, logger: logger).test(.router) { client in
            try await body(Client(client: client, authenticator: authenticator, quick: door == .quick ? quick : nil))
        }
    }

    /// Sends requests.
    struct Client: Sendable {
        let client: any TestClientProtocol
        let authenticator: Authenticator
        /// Nil for the router's door.
        let quick: QuickIntake?

        func post(
            _ body: String,
            type: String? = "application/json",
            token: String,
            headers: [String: String] = [:],
            method: HTTPRequest.Method = .post,
            path: String = "/v1/events"
        ) async throws -> Answer {
            var fields: HTTPFields = [.authorization: "Bearer \(token)"]
            if let type { fields[.contentType] = type }
            for (name, value) in headers { if let name = HTTPField.Name(name) { fields[name] = value } }
            return try await send(body, fields, method: method, path: path)
        }

        func send(_ body: String, _ fields: HTTPFields, method: HTTPRequest.Method = .post, path: String = "/v1/events") async throws
            -> Answer
        {
            if let answer = try await sendQuickly(body, fields, method: method, path: path) { return answer }
            return try await client.execute(uri: path, method: method, headers: fields, body: ByteBuffer(string: body)) { response in
                Answer(status: response.status.code, headers: response.headers, body: String(buffer: response.body))
            }
        }

        /// Returns the answer of the quick door; nil if it leaves the request to the router.
        private func sendQuickly(_ body: String, _ fields: HTTPFields, method: HTTPRequest.Method, path: String) async throws -> Answer? {
            guard let quick else { return nil }
            let request = HTTPRequest(method: method, scheme: "http", authority: "intake", path: path, headerFields: fields)
            // The quick door takes tokens that the router has accepted before.
            if let token = try? Credential.bearer(authorization: fields[values: .authorization]) {
                _ = try? await authenticator.authenticate(token)
            }
            guard quick.mayAnswer(request) else { return nil }
            let answer = OneShot<QuickResponse>()
            guard quick.answer(request, ByteBuffer(string: body), completion: { answer.settle($0) }) else { return nil }
            let response = await answer.value(onCancel: {})
            return Answer(status: response.status.code, headers: response.fields, body: String(buffer: response.body))
        }
    }
}
