import TestKit
import Testing

@testable import NATSClient

@Suite("Permissions", .timeLimit(.minutes(5)))
struct PermissionTests {
    private static func server() async throws -> NATSServer {
        try await NATSServer(
            .init(
                configuration: """
                    authorization { default_permissions: { publish: { allow: ">", deny: ["events.>"] }, subscribe: ">" }
                        users: [ { user: a, password: b } ] }
                    no_auth_user: a
                    """
            )
        )
    }

    @Test("A request that the server does not permit fails at once and names the subject")
    func requests() async throws {
        let server = try await Self.server()
        let nats = try await connect(server)
        let error = await #expect(throws: NATSError.self) { try await nats.request(subject: "events.acme.a", timeout: .seconds(300)) }
        #expect(error?.code == .notPermitted && error?.isRetriable == false)
        #expect(error?.message.contains("events.acme.a") == true)
        // Others go on.
        let other = await #expect(throws: NATSError.self) { try await nats.request(subject: "nobody", timeout: .seconds(300)) }
        #expect(other?.code == .noResponders)
    }

    @Test("So do all messages of a batch")
    func batches() async throws {
        let server = try await Self.server()
        let jetStream = JetStream(try await connect(server))
        let messages = (0..<100).map { OutgoingMessage(subject: "events.t\($0 % 3).a", payload: []) }
        let results = await jetStream.publish(inOrder: messages, timeout: .seconds(300))
        for result in results {
            guard case .failure(let error) = result else {
                Issue.record("a message that is not permitted was stored")
                continue
            }
            #expect(error.code == .notPermitted && !error.isRetriable)
        }
    }

    @Test("The server's words are read, cut or whole, and others are not taken for them")
    func violations() throws {
        let whole = try #require(PublishViolation(#"Permissions Violation for Publish to "events.a""#))
        #expect(whole.concerns("events.a") && !whole.concerns("events.a.b") && !whole.concerns("events"))
        let cut = try #require(PublishViolation(#"Permissions Violation for Publish to "events.a"#))
        #expect(cut.concerns("events.a") && cut.concerns("events.a.b") && !cut.concerns("events"))
        #expect(PublishViolation(#"Permissions Violation for Subscription to "events.a""#) == nil)
        #expect(PublishViolation(#"Permissions Violation for Publish to ""#) == nil)
        #expect(PublishViolation(#"Permissions Violation for Publish to """#) == nil)
        #expect(PublishViolation("") == nil)
    }
}
