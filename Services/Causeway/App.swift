import ArgumentParser
import OperatorCommands
import ServiceKit

/// `causeway`: what operators do to a deployment. It does not listen, and no service needs it.
@main
struct App: CommandLineProgram {
    static let configuration = CommandConfiguration(
        commandName: "causeway",
        abstract: "Uses, inspects and maintains a deployment of Causeway.",
        discussion: """
            tail, publish, executions, approvals, webhooks, listen and why speak HTTP: they need an address (CAUSEWAY_URL or --url) and a \
            token (CAUSEWAY_TOKEN, or a file), or a profile with both. dead-letters and log speak to the bus.

            Exit codes: 0 when all was done; 1 when the doctor found a fault, a change would have dropped events, or config check has \
            warnings alone; 64 for a mistake on the command line; 65 when a dead letter, an event or a connection that was named is not \
            there, or input is invalid; 69 when the bus, the log or a service did not answer; 77 when a token does not permit it; 78 for a \
            mistake in the configuration. Of approvals also: 3 when waiting ended with a rejection, 4 with an expiry, 5 without a decision \
            in time; 6 when a decision or a consumption was refused because of the approval's state. Of executions follow: 1 when the \
            execution failed. Of webhooks test: 1 when the test was not delivered. After Ctrl-C 130.
            """,
        version: ConfigurationSchema.versionText(nil),
        subcommands: [
            TailCommand.self, PublishEventsCommand.self, ExecutionsCommand.self, ApprovalsCommand.self, WebhooksCommand.self,
            ListenCommand.self, WhyCommand.self, DoctorCommand.self, TokenCommand.self, DeadLettersCommand.self, LogCommand.self,
            ConfigCommand.self, CompletionCommand.self,
        ]
    )
}
