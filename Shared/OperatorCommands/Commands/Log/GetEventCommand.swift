import ArgumentParser
import Basics
import EventLog
import ServiceKit

/// `causeway log get`: prints one event.
struct GetEventCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(command: "log get", summary: "Prints one event of the log.", keys: .publishing)

    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Prints one event of any tenant, with its payload, as a line of JSON.",
        usage: "\(ProgramName.current) log get evt_01HX9VTPQR0080000000000041 | jq .payload",
        discussion: """
            Speaks to the bus (NATS_URL), and needs no token. The members are those of GET /v1/events/{id}.

            Exit codes: 0 with the event; 64 for a mistake on the command line; 65 when the log does not hold it; 69 when the bus does not \
            answer; 78 for a mistake in the configuration.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("log get")
    )

    @OptionGroup var event: StoredEventArguments<Self>

    func run() async throws {
        try await event.withEvent(command: "log-get") { entry, log in
            Console.print(entry.json(epoch: log.epoch, withPayload: true).text)
        }
    }
}
