import ArgumentParser
import ServiceKit

/// `causeway webhooks list`.
struct ListEndpointsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Prints a line for each endpoint of the tenant, the oldest first.",
        discussion: WebhooksCommand.exitCodes,
        version: ConfigurationSchema.versionText("webhooks list")
    )

    @Option(help: "Maximum number of endpoints, 1 to 200.")
    var limit = 200

    @Option(help: "Continues behind an earlier page; each page prints the cursor of the next one to standard error.")
    var cursor: String?

    @OptionGroup var server: ServerArguments

    var request: CausewayServer.Request {
        var query = [["limit", "\(limit)"]]
        if let cursor { query.append(["cursor", cursor]) }
        return CausewayServer.Request(path: CausewayServer.Request.webhooks, query: query)
    }

    func run() async throws {
        let body = try await server.server().answer(to: request)
        let list = try CausewayServer.decode(EndpointList.self, body)
        // No line at all without endpoints.
        if server.output == .json || !list.items.isEmpty { server.print(body, list.items.map(EndpointText.line).joined(separator: "\n")) }
        if let next = list.nextCursor { Console.complain("there are more: --cursor \(TerminalText.safe(next))") }
    }
}

/// `causeway webhooks show`.
struct ShowEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Prints an endpoint: its settings, its state, and how far it has come.",
        discussion: WebhooksCommand.exitCodes,
        version: ConfigurationSchema.versionText("webhooks show")
    )

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        let request = CausewayServer.Request(path: argument.path())
        try await server.printEndpoint(request)
    }
}

/// `causeway webhooks attempts`.
struct ListAttemptsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attempts",
        abstract: "Prints a line for each of the last attempts at deliveries to an endpoint, the newest first.",
        discussion: WebhooksCommand.exitCodes,
        version: ConfigurationSchema.versionText("webhooks attempts")
    )

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        let body = try await server.server().answer(to: CausewayServer.Request(path: argument.path("attempts")))
        let list = try CausewayServer.decode(AttemptList.self, body)
        // No line at all without attempts.
        if server.output == .json || !list.attempts.isEmpty {
            server.print(body, list.attempts.map(EndpointText.line).joined(separator: "\n"))
        }
    }
}
