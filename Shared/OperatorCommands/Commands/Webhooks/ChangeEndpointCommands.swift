import ArgumentParser
import Basics
import ServiceKit

/// `causeway webhooks create`.
struct CreateEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Registers an endpoint, and prints it with its secret, which is shown this once.",
        discussion: """
            The endpoint gets nothing before it has answered a webhook.ping with 2xx. After a lost answer, repeat the command with the same \
            --idempotency-key.

            \(WebhooksCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("webhooks create")
    )

    @Argument(help: "The receiver's URL.")
    var endpointURL: String

    @Option(help: "The types that it gets, joined by commas: investigation.*,approval.requested.", transform: TypesOption.parse)
    var types: [String]

    @Option(help: "A text for people.")
    var description: String?

    @Flag(help: "Delivers up to 16 events at once, in any order; by default one at a time, in order.")
    var parallel = false

    @Option(help: "The user whose private events it also gets.")
    var user: String?

    @OptionGroup var repetition: IdempotencyArgument
    @OptionGroup var server: ServerArguments

    var request: CausewayServer.Request {
        var body: JSONObject = ["url": .string(endpointURL), "types": .strings(types)]
        body.append("description", text: description)
        if parallel { body.append("ordered", false) }
        body.append("user", text: user)
        return CausewayServer.Request(
            method: .post,
            path: CausewayServer.Request.webhooks,
            body: body.bytes,
            idempotencyKey: repetition.idempotencyKey
        )
    }

    func run() async throws {
        try await server.printEndpoint(request)
    }
}

/// `causeway webhooks update`.
struct UpdateEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Changes an endpoint's settings; those that are not given stay.",
        discussion: "An empty --description or --user removes it.\n\n\(WebhooksCommand.exitCodes)",
        version: ConfigurationSchema.versionText("webhooks update")
    )

    @OptionGroup var argument: EndpointArgument

    @Option(help: "The receiver's URL.")
    var endpointURL: String?

    @Option(help: "The types that it gets, joined by commas.", transform: TypesOption.parse)
    var types: [String]?

    @Option(help: "A text for people.")
    var description: String?

    @Flag(inversion: .prefixedNo, help: "One event at a time, in order; or up to 16 at once, in any order.")
    var ordered: Bool?

    @Option(help: "The user whose private events it also gets.")
    var user: String?

    @Flag(inversion: .prefixedNo, help: "Whether it gets anything; causeway webhooks enable also tries a failing one at once.")
    var enabled: Bool?

    @OptionGroup var server: ServerArguments

    func validate() throws {
        guard !changes.isEmpty else {
            throw ArgumentParser.ValidationError(
                "give a change: --endpoint-url, --types, --description, --[no-]ordered, --user or --[no-]enabled"
            )
        }
    }

    var request: CausewayServer.Request {
        CausewayServer.Request(method: .patch, path: argument.path(), body: changes.bytes)
    }

    func run() async throws {
        try await server.printEndpoint(request)
    }

    private var changes: JSONObject {
        var body: JSONObject = [:]
        func text(_ value: String) -> JSONObject.Value { value.isEmpty ? .null : .string(value) }
        body.append("url", text: endpointURL)
        if let types { body.append("types", .strings(types)) }
        if let description { body.append("description", text(description)) }
        if let ordered { body.append("ordered", .boolean(ordered)) }
        if let user { body.append("user", text(user)) }
        if let enabled { body.append("enabled", .boolean(enabled)) }
        return body
    }
}

/// `causeway webhooks delete`.
struct DeleteEndpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Deletes an endpoint. It gets nothing more, and cannot be restored.",
        discussion: WebhooksCommand.exitCodes,
        version: ConfigurationSchema.versionText("webhooks delete")
    )

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        _ = try await server.server().answer(to: CausewayServer.Request(method: .delete, path: argument.path()))
        Console.print("deleted: \(argument.endpoint)")
    }
}

/// `causeway webhooks rotate-secret`.
struct RotateSecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-secret",
        abstract: "Replaces an endpoint's secret, and prints the endpoint with the new one, which is shown this once.",
        discussion: """
            For 24 hours deliveries have the signatures of both secrets, so the receiver can change over without refusing one. After a lost answer, \
            repeat the command: each run makes another secret.

            \(WebhooksCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("webhooks rotate-secret")
    )

    @OptionGroup var argument: EndpointArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        let request = CausewayServer.Request(method: .post, path: argument.path("secret"))
        try await server.printEndpoint(request)
    }
}
