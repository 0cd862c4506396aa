import ArgumentParser
import OperatorCommands
import ServiceKit

/// `event-producer`: every way into the log (contract §10). What operators need is in `causeway`; the names that it had here stay as aliases.
@main
struct App: CommandLineProgram {
    static let configuration = CommandConfiguration(
        commandName: "event-producer",
        abstract: "Takes events in and stores them in their tenant's log.",
        discussion: """
            The subcommands token, log, dead-letters and doctor have moved to causeway. Here they are aliases: the same options, output and exit codes.

            Exit codes: 0 when all was done; 1 when a part of the process failed; 64 for a mistake on the command line; 65 when an event was not \
            valid; 69 when the bus or the log did not take it; 75 when an agent is running already; 78 for a mistake in the configuration.
            """,
        version: ConfigurationSchema.versionText(nil),
        subcommands: [ServeCommand.self, PublishCommand.self, SimulateCommand.self, RunCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Aliases of causeway",
                subcommands: [TokenCommand.self, LogCommand.self, DeadLettersCommand.self, DoctorCommand.self]
            )
        ]
    )
}
