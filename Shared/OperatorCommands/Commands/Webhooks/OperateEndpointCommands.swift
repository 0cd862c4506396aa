import ArgumentParser
import Basics
import EventModel
import ServiceKit

/// `causeway webhooks test`.
struct TestEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Sends a test to an endpoint at once, and prints how it ended. The exit code says whether it was delivered.",
        discussion: """
            The test changes neither the endpoint's state nor its cursor.

            \(WebhooksCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("webhooks test")
    )

    /// The server waits up to 15 s for the receiver.
    private static let attemptLimit: Duration = .seconds(15)

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        var asked = try server.server()
        asked.timeout += Self.attemptLimit
        let body = try await asked.answer(to: CausewayServer.Request(method: .post, path: argument.path("test")))
        let answer = try CausewayServer.decode(TestAnswer.self, body)
        server.print(body, EndpointText.tested(answer))
        if !answer.delivered { throw Exit.notDelivered }
    }
}

/// `causeway webhooks replay`.
struct ReplayEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Sets an endpoint's cursor back: it gets everything from there again, with the same ids.",
        discussion: WebhooksCommand.exitCodes,
        version: ConfigurationSchema.versionText("webhooks replay")
    )

    @OptionGroup var argument: EndpointArgument

    @Option(help: "An event's id.")
    var from: String?

    @Option(help: "RFC 3339 with an offset, or how long ago: 10m, 1h, 2d.", transform: PastTime.parse)
    var since: PastTime?

    @OptionGroup var server: ServerArguments

    func validate() throws {
        guard (from == nil) != (since == nil) else { throw ArgumentParser.ValidationError("give either --from or --since") }
        guard from.map({ Cursor($0) != nil }) ?? true else {
            throw ArgumentParser.ValidationError("--from must be an event's id, evt_ and 26 characters")
        }
    }

    func request(now: Timestamp) -> CausewayServer.Request {
        var body: JSONObject = [:]
        body.append("from", text: from)
        body.append("since", text: since?.timestamp(at: now).iso8601)
        return CausewayServer.Request(method: .post, path: argument.path("replay"), body: body.bytes)
    }

    func run() async throws {
        try await server.printEndpoint(request(now: .now))
    }
}

/// `causeway webhooks enable`.
struct EnableEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Enables a disabled endpoint, and tries a failing one at once.",
        discussion: "It is pending until it has answered a webhook.ping with 2xx.\n\n\(WebhooksCommand.exitCodes)",
        version: ConfigurationSchema.versionText("webhooks enable")
    )

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        let request = CausewayServer.Request(method: .post, path: argument.path("enable"))
        try await server.printEndpoint(request)
    }
}
