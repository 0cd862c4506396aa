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

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        try await server.printAttempt(CausewayServer.Request(method: .post, path: argument.path("test")))
    }
}

/// `causeway webhooks resend`.
struct ResendEventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resend",
        abstract: "Sends one event to an endpoint again, at once, and prints how it ended. The exit code says whether it was delivered.",
        discussion: """
            The event has the same webhook-id as before, so that the receiver knows a repetition. Neither the endpoint's state nor its cursor changes. The \
            endpoint must be enabled or failing; an ordered one must have come to the event.

            \(WebhooksCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("webhooks resend")
    )

    @OptionGroup var argument: EndpointArgument

    @Argument(help: "The event's id, evt_….")
    var event: String

    @OptionGroup var server: ServerArguments

    func validate() throws {
        guard Cursor(event) != nil else { throw ArgumentParser.ValidationError("an event's id is evt_ and 26 characters") }
    }

    var request: CausewayServer.Request {
        let body: JSONObject = ["event": .string(event)]
        return CausewayServer.Request(method: .post, path: argument.path("resend"), body: body.bytes)
    }

    func run() async throws {
        try await server.printAttempt(request)
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

    @Flag(help: "Prints how many events would be sent, and sends nothing.")
    var dryRun = false

    @OptionGroup var server: ServerArguments

    func validate() throws {
        guard (from == nil) != (since == nil) else { throw ArgumentParser.ValidationError("give either --from or --since") }
        guard from.map({ Cursor($0) != nil }) ?? true else {
            throw ArgumentParser.ValidationError("--from must be an event's id, evt_ and 26 characters")
        }
    }

    func request(now: Timestamp) -> CausewayServer.Request {
        let path = argument.path("replay")
        let members = [("from", from), ("since", since?.timestamp(at: now).iso8601)]
        if dryRun { return CausewayServer.Request(path: path, query: members.compactMap { name, value in value.map { [name, $0] } }) }
        var body: JSONObject = [:]
        for (name, value) in members { body.append(name, text: value) }
        return CausewayServer.Request(method: .post, path: path, body: body.bytes)
    }

    func run() async throws {
        let request = request(now: .now)
        guard dryRun else { return try await server.printEndpoint(request) }
        try await server.perform(request, ReplayPreviewAnswer.self) { answer, _ in EndpointText.preview(answer) }
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
