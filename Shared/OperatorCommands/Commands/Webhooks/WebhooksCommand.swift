package import ArgumentParser
import ServiceKit

/// `causeway webhooks`: registers and maintains webhook endpoints over HTTP (contract §14).
package struct WebhooksCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "webhooks",
        abstract: "Registers, lists, changes, tests and replays webhook endpoints.",
        discussion: """
            The commands are a client of the REST API. They need its address (--url or CAUSEWAY_URL) and a token with the role admin (CAUSEWAY_TOKEN, or \
            a file named by --token-file or CAUSEWAY_TOKEN_FILE). A token is never an argument, because other users of the machine can read those. To \
            receive events on your machine without an endpoint, see causeway listen.

            \(exitCodes)
            """,
        version: ConfigurationSchema.versionText("webhooks"),
        subcommands: [
            ListEndpointsCommand.self, CreateEndpointCommand.self, ShowEndpointCommand.self, UpdateEndpointCommand.self,
            DeleteEndpointCommand.self, RotateSecretCommand.self, TestEndpointCommand.self, ResendEventCommand.self,
            ReplayEndpointCommand.self, EnableEndpointCommand.self, ListAttemptsCommand.self,
        ]
    )

    /// The part of `--help` that documents the exit codes.
    static let exitCodes = """
        Exit codes: 0 when it was done (test, resend: delivered); 1 when it was not delivered; 6 when the server refused because of the tenant's or the \
        endpoint's state; 64 for a mistake on the command line; 65 for invalid input, or an endpoint or event that does not exist; 69 when the server did not \
        answer, or asked to try again later; 77 when the token is not accepted or does not permit it; 78 without a token.
        """

    package init() {}
}

extension Exit {
    /// `test`, `resend`: the message was not delivered.
    static let notDelivered = ArgumentParser.ExitCode(1)
}

extension CausewayServer.Request {
    /// The requests about endpoints are below this path.
    static let webhooks = ["v1", "webhooks"]
}
