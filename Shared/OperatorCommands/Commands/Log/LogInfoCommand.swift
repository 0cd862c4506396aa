import ArgumentParser
import Basics
import EventLog
import ServiceKit

/// `causeway log info`: what the log holds and may hold.
struct LogInfoCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(command: "log info", summary: "Prints what the log holds and may hold.", keys: .publishing)

    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Prints what the log's streams hold and may hold, with their oldest and newest entries.",
        usage: """
            \(ProgramName.current) log info
            \(ProgramName.current) log info --output json | jq .streams[0].bytes
            """,
        discussion: """
            EVENTS is the log of every tenant; INBOX has read marks and APPROVALS the records of approvals, where they exist. Creates and changes \
            nothing, and speaks to the bus (NATS_URL).

            Exit codes: 0 when all was printed; 64 for a mistake on the command line; 69 when the bus does not answer or has no log; 78 for \
            a mistake in the configuration.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("log info")
    )

    @Option(help: "text, or json: an object for programs.")
    var output: ServerArguments.OutputForm = .text

    @Option(help: "How long to wait for the bus.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(10)

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        let settings = try settings.settings()
        try await LogAccess.whileConnected(settings, timeout: timeout) { connection throws(EventLogError) in
            try await LogInspection(on: connection, settings.eventLogConfiguration())
        } then: { inspection in
            switch output {
            case .text: Console.print(inspection.streams.map { LogText.lines($0, now: .now) }.joined(separator: "\n"))
            case .json: Console.print(JSONObject(dictionaryLiteral: ("streams", .array(inspection.streams.map(LogText.json)))).text)
            }
        }
    }
}
