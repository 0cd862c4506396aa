import AccessControl
import Basics
import EdgeRuntime
import EventModel
import NATSClient
import TestKit
import Testing

@testable import jsonrpc_relay

/// Commands over a real nats-server.
@Suite struct CommandBusTests {
    /// A server, a relay's command bus, and a service.
    private struct Setting {
        let server: NATSServer
        let bus: CommandBus
        let relay: NATSConnection
        let service: NATSConnection

        init(_ change: (inout CommandConfiguration) -> Void = { _ in }) async throws {
            var configuration = CommandConfiguration()
            change(&configuration)
            server = try await NATSServer()
            relay = try await connect(server)
            service = try await connect(server)
            bus = try CommandBus(connection: relay, configuration: configuration, logger: quiet, makeULID: ulids())
            try await relay.flush()
        }

        /// Registers the service for a subject.
        func answer(_ subject: String, queue: String? = nil, _ answer: @escaping @Sendable (NATSMessage) throws -> Void) async throws
            -> NATSSubscription
        {
            let subscription = try service.subscribe(subject, queue: queue) { delivery in
                do { try answer(delivery.copy()) } catch { Issue.record(error) }
            }
            try await service.flush()
            return subscription
        }

        func reply(_ message: NATSMessage, _ payload: String, status: String? = nil) throws {
            let reply = try #require(message.reply)
            try service.publish(subject: reply, headers: status.map { ["causeway-status": $0] } ?? [:], payload: bytes(payload))
        }
    }

    @Test func aServiceGetsTheCallAndWhoMadeIt() async throws {
        let setting = try await Setting()
        let requests = Collected<NATSMessage>()
        let subscription = try await setting.answer("rpc.agent.run") { message in
            requests.append(message)
            try setting.reply(message, #"{"done":1.0}"#)
        }
        defer { subscription.unsubscribe() }
        let caller = CommandCaller(
            tenant: "acme causeway-user: root",
            user: "ann é%",
            roles: [.member, .admin],
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        )
        let client = Client(setting.bus, caller)
        client.send(#"{"jsonrpc":"2.0","id":"x","method":"agent.run","params": [ 1.0 ] }"#)
        #expect(await eventually { client.sent == [JSONTree(#"{"jsonrpc":"2.0","id":"x","result":{"done":1.0}}"#)] })
        let request = try #require(requests.all.first)
        #expect(string(request.payload) == "[ 1.0 ]")
        #expect(request.headers["causeway-tenant"] == "acme%20causeway-user:%20root")
        #expect(request.headers["causeway-user"] == "ann%20%C3%A9%25")
        #expect(request.headers.fields.filter { $0.name == "causeway-user" }.count == 1)
        #expect(request.headers["causeway-roles"] == "admin,member")
        #expect(request.headers["causeway-timeout-ms"] == "30000")
        #expect(request.headers["traceparent"] == caller.traceparent)
        let id = try #require(request.headers["causeway-request-id"])
        #expect(id.hasPrefix("req_") && request.headers["causeway-cancel"] == "causeway.rpc.cancel.\(id)")
        #expect(setting.bus.outstandingCommands == 0)
    }

    private func conversation(_ bus: CommandBus, roles: Set<Role>, traceparent: String? = nil) -> RelayConversation {
        let encoder = RelayEncoder(carriesIDs: false, deflater: nil, makeULID: ulids())
        let profile = RelayProfile(bus: bus, rules: WebSocketRules(), encoder: encoder)
        return RelayConversation(profile: profile, roles: roles, traceparent: traceparent, lastEventID: nil)
    }

    private static let client = ConversationClient(tenant: "acme", user: "ann", position: 5, end: 7)
    private static let command = bytes(#"{"jsonrpc":"2.0","id":2,"method":"agent.run"}"#)

    @Test func aConversationSendsCommandsForItsTokenAndTraceAndWithTheRolesOfTheRenewedOne() async throws {
        let setting = try await Setting()
        let requests = Collected<NATSMessage>()
        let subscription = try await setting.answer("rpc.agent.run") { message in
            requests.append(message)
            try setting.reply(message, "1")
        }
        defer { subscription.unsubscribe() }
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let conversation = conversation(setting.bus, roles: [.member, .admin], traceparent: trace)
        #expect(conversation.received(Self.command, from: Self.client, now: .now()).isEmpty)
        let renewed = Principal(user: "ann", tenant: "acme", roles: [.member], otherRoles: ["security"], expiresAt: 1)
        #expect(conversation.authenticated(99, .renewed(renewed)).isEmpty)
        #expect(conversation.received(Self.command, from: Self.client, now: .now()).isEmpty)
        #expect(await eventually { requests.all.count == 2 })
        #expect(requests.all.map { $0.headers["causeway-roles"] } == ["admin,member", "member"])
        #expect(requests.all.allSatisfy { $0.headers["causeway-tenant"] == "acme" && $0.headers["causeway-user"] == "ann" })
        #expect(requests.all.allSatisfy { $0.headers["traceparent"] == trace })
    }

    @Test func theLinkIsCreatedByTheFirstCommand() async throws {
        let setting = try await Setting()
        let conversation = conversation(setting.bus, roles: [.member])
        let subscribe = bytes(#"{"jsonrpc":"2.0","id":1,"method":"investigation.subscribe","params":{"incidentId":"i"}}"#)
        #expect(conversation.received(subscribe, from: Self.client, now: .now()).count == 1)
        let topic = Topic(family: .investigation, incidentID: "i")
        #expect(conversation.link == nil && conversation.subscribed == [TopicSubscription(topic: topic, after: 7)])
        #expect(conversation.received(Self.command, from: Self.client, now: .now()).isEmpty)
        let link = try #require(conversation.link)
        #expect(conversation.received(Self.command, from: Self.client, now: .now()).isEmpty)
        #expect(conversation.link === link)
        // The report of the closed connection names them.
        conversation.ended()
        #expect(conversation.subscribed == [TopicSubscription(topic: topic, after: 7)])
    }

    @Test func progressComesInOrderAndBeforeTheAnswer() async throws {
        let setting = try await Setting { $0.maximumProgressCount = 20 }
        let subscription = try await setting.answer("rpc.work") { message in
            for step in 0..<25 { try setting.reply(message, #"{"step":\#(step)}"#, status: "progress") }
            try setting.reply(message, "no object", status: "progress")
            try setting.reply(message, "true", status: "result")
            try setting.reply(message, #"{"step":"late"}"#, status: "progress")
            try setting.reply(message, "false", status: "result")
        }
        defer { subscription.unsubscribe() }
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","id":7,"method":"work"}"#)
        #expect(await eventually { client.sent.last?["result"] == .boolean(true) })
        let progress = (0..<20).map { JSONTree(#"{"jsonrpc":"2.0","method":"work.progress","params":{"requestId":7,"step":\#($0)}}"#) }
        #expect(client.sent.dropLast().map { Optional($0) } == progress)
        // Late messages have arrived once a later call is answered.
        let echo = try await setting.answer("rpc.echo") { try setting.reply($0, "1") }
        client.send(#"{"jsonrpc":"2.0","id":8,"method":"echo"}"#)
        #expect(await eventually { client.sent.count == 22 })
        #expect(client.sent.last?["id"] == .number("8"))
        echo.unsubscribe()
    }

    @Test func nobodyAnswersForIt() async throws {
        let setting = try await Setting()
        let client = Client(setting.bus)
        client.send(#"[{"jsonrpc":"2.0","id":1,"method":"no.such"},{"jsonrpc":"2.0","id":2,"method":"a\r\nb c.*.>"}]"#)
        #expect(await eventually { client.sent.count == 1 })
        let codes = client.sent.first?.elements?.map { $0["error"]?["code"] }
        #expect(codes == [.number("-32601"), .number("-32601")])
    }

    @Test func theDeadlineEndsItAndTheServiceIsTold() async throws {
        let setting = try await Setting { $0.timeout = .milliseconds(100) }
        let cancellations = Collected<NATSMessage>()
        let requests = Collected<NATSMessage>()
        let watching = try await setting.answer("causeway.rpc.cancel.*") { cancellations.append($0) }
        let subscription = try await setting.answer("rpc.slow") { message in
            requests.append(message)
            // Progress does not extend the deadline.
            try setting.reply(message, "{}", status: "progress")
        }
        defer { _ = (watching, subscription) }
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","id":1,"method":"slow"}"#)
        #expect(
            await eventually {
                client.sent.last == JSONTree(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"deadline exceeded"}}"#)
            }
        )
        #expect(await eventually { cancellations.all.count == 1 && requests.all.count == 1 })
        #expect(requests.all.first?.headers["causeway-timeout-ms"] == "100")
        #expect(cancellations.all.first?.subject == requests.all.first?.headers["causeway-cancel"])
        #expect(cancellations.all.first?.headers["causeway-reason"] == "deadline")
    }

    @Test func theServiceIsToldThatTheClientIsGone() async throws {
        let setting = try await Setting()
        let cancellations = Collected<NATSMessage>()
        let requests = Collected<NATSMessage>()
        let watching = try await setting.answer("causeway.rpc.cancel.*") { cancellations.append($0) }
        let subscription = try await setting.answer("rpc.slow") { requests.append($0) }
        defer { _ = (watching, subscription) }
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","id":1,"method":"slow"}"#)
        #expect(await eventually { requests.all.count == 1 })
        client.close()
        #expect(setting.bus.outstandingCommands == 0)
        #expect(await eventually { cancellations.all.count == 1 })
        #expect(cancellations.all.first?.subject == requests.all.first?.headers["causeway-cancel"])
        #expect(cancellations.all.first?.headers["causeway-reason"] == "disconnected")
        #expect(client.sent.isEmpty)
    }

    @Test func errorsArePassedOnAndNonsenseIsAnInvalidAnswer() async throws {
        let setting = try await Setting { $0.maximumAnswerBytes = 100 }
        let subscription = try await setting.answer("rpc.*") { message in
            switch message.subject {
            case "rpc.refuse": try setting.reply(message, #"{"code":-32602,"message":"Invalid params","data":["x"]}"#, status: "error")
            case "rpc.nonsense": try setting.reply(message, "{", status: "error")
            default: try setting.reply(message, "[\(String(repeating: "1,", count: 60))1]")
            }
        }
        defer { subscription.unsubscribe() }
        let client = Client(setting.bus)
        client.send(
            """
            [{"jsonrpc":"2.0","id":1,"method":"refuse"},{"jsonrpc":"2.0","id":2,"method":"nonsense"},{"jsonrpc":"2.0","id":3,"method":"much"}]
            """
        )
        #expect(await eventually { client.sent.count == 1 })
        let errors = client.sent.first?.elements?.map { $0["error"] } ?? []
        #expect(errors.first == JSONTree(#"{"code":-32602,"message":"Invalid params","data":["x"]}"#))
        #expect(errors.dropFirst().map { $0?["code"] } == [.number("-32004"), .number("-32004")])
    }

    @Test func aNotificationIsSentAndForgotten() async throws {
        let setting = try await Setting()
        let requests = Collected<NATSMessage>()
        let subscription = try await setting.answer("rpc.note") { requests.append($0) }
        defer { subscription.unsubscribe() }
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","method":"note","params":{"a":1}}"#)
        #expect(await eventually { requests.all.count == 1 })
        #expect(requests.all.first?.reply == nil && requests.all.first?.headers["causeway-cancel"] == nil)
        #expect(setting.bus.outstandingCommands == 0 && client.sent.isEmpty)
    }

    @Test func aQueueGroupSharesTheWorkAndEveryClientGetsItsOwnAnswers() async throws {
        let setting = try await Setting()
        let handled = Collected<String>()
        var members: [NATSSubscription] = []
        for _ in 0..<3 {
            members.append(
                try await setting.answer("rpc.echo", queue: "echo") { message in
                    handled.append(string(message.payload))
                    try setting.reply(message, string(message.payload))
                }
            )
        }
        defer { members.forEach { $0.unsubscribe() } }
        let clients = (0..<20).map { _ in Client(setting.bus) }
        for (number, client) in clients.enumerated() {
            for call in 0..<10 { client.send(#"{"jsonrpc":"2.0","id":\#(call),"method":"echo","params":[\#(number),\#(call)]}"#) }
        }
        #expect(await eventually { clients.allSatisfy { $0.sent.count == 10 } })
        for (number, client) in clients.enumerated() {
            let isItsOwn = client.sent.allSatisfy { answer in
                guard case .number(let call) = answer["id"] else { return false }
                return answer["result"] == .array([.number("\(number)"), .number(call)])
            }
            #expect(isItsOwn, "client \(number) got \(client.sent)")
        }
        #expect(handled.all.count == 200 && Set(handled.all).count == 200)
    }

    @Test func withoutTheBusItFailsAtOnce() async throws {
        let setting = try await Setting()
        setting.server.kill()
        #expect(await eventually { setting.relay.state == .reconnecting })
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","id":1,"method":"m"}"#)
        #expect(await eventually { client.sent.first?["error"]?["code"] == .number("-32603") })
    }

    @Test func whatTheBusDoesNotTakeIsRefusedAndNotKept() async throws {
        let setting = try await Setting { $0.maximumQueuedBytes = 4 * 265 }
        let subscription = try await setting.answer("rpc.echo") { try setting.reply($0, string($0.payload)) }
        defer { subscription.unsubscribe() }
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","id":1,"method":"echo","params":[12345]}"#)
        #expect(await eventually { client.sent.first?["error"]?["code"] == .number("-32603") })
        // Refused commands use no queue space.
        client.send(#"{"jsonrpc":"2.0","id":2,"method":"echo","params":[12]}"#)
        #expect(await eventually { client.sent.last?["result"] == JSONTree("[12]") })
    }

    @Test func closingEndsWhatIsUnderWay() async throws {
        let setting = try await Setting()
        let requests = Collected<NATSMessage>()
        let subscription = try await setting.answer("rpc.slow") { requests.append($0) }
        defer { subscription.unsubscribe() }
        let client = Client(setting.bus)
        client.send(#"{"jsonrpc":"2.0","id":1,"method":"slow"}"#)
        #expect(await eventually { requests.all.count == 1 })
        setting.bus.close()
        #expect(client.sent.first?["error"]?["code"] == .number("-32603"))
    }

    @Test func aTenantHasItsShareOfCommandsAndNoMore() async throws {
        let setting = try await Setting { $0.commandsPerSecondOfTenant = 1 }
        let requests = Collected<NATSMessage>()
        let subscription = try await setting.answer("rpc.work") { message in
            requests.append(message)
            if message.reply != nil { try setting.reply(message, "true") }
        }
        defer { subscription.unsubscribe() }
        let (client, other) = (Client(setting.bus), Client(setting.bus, CommandCaller(tenant: "globex", user: "ann")))
        // Commands without an answer count as well.
        for _ in 0..<50 { client.send(#"{"jsonrpc":"2.0","method":"work"}"#) }
        client.send(#"{"jsonrpc":"2.0","id":1,"method":"work"}"#)
        #expect(await eventually { client.sent.count == 1 })
        #expect(client.sent[0]["error"]?["code"] == JSONTree("-32005"))
        other.send(#"{"jsonrpc":"2.0","id":2,"method":"work"}"#)
        #expect(await eventually { other.sent == [JSONTree(#"{"jsonrpc":"2.0","id":2,"result":true}"#)] })
        #expect(requests.all.count < 15)
        #expect(setting.bus.outstandingCommands == 0)
    }
}
