import ArgumentParser
import OperatorCommands
import ServiceKit

/// `causeway`: what operators do to a deployment. It does not listen, and no service needs it.
@main
struct App: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causeway",
        abstract: "Inspects and maintains a deployment of Causeway.",
        discussion: """
            Exit codes: 0 when all was done; 1 when the doctor found a fault, or a change would have dropped events; 64 for a mistake on the command \
            line; 65 when a dead letter that was named is not there; 69 when the bus or the log did not answer; 78 for a mistake in the configuration.
            """,
        version: ConfigurationSchema.versionText(nil),
        subcommands: [DoctorCommand.self, TokenCommand.self, DeadLettersCommand.self, LogCommand.self]
    )
}
