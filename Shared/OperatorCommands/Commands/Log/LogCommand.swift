package import ArgumentParser
import ServiceKit

/// `causeway log`: inspects and manages the log's streams.
package struct LogCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Inspects and manages the log on the bus.",
        version: ConfigurationSchema.versionText("log"),
        subcommands: [LogInfoCommand.self, GetEventCommand.self, EraseEventCommand.self, ResizeCommand.self]
    )

    package init() {}
}
