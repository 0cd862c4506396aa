import ArgumentParser
import Basics
import EventLog
import NATSClient
import ServiceKit

/// `causeway log resize`: applies the configured limits to existing streams.
struct ResizeCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(
        command: "log resize",
        summary: "Changes how long the log keeps events and how many bytes of them.",
        keys: .publishing
    )

    static let configuration = CommandConfiguration(
        commandName: "resize",
        abstract: "Changes how long the log keeps events and how many bytes of them.",
        usage: """
            \(ProgramName.current) log resize [--event-log-max-age <duration>] [--event-log-max-bytes <size>] [--approvals-max-age <duration>] \
            [--approvals-max-bytes <size>] [--drop] [--dry-run]
            """,
        discussion: """
            Services never change an existing stream, whatever the settings are; this command applies these settings. It prints a line \
            for each stream to change. If the new limits would drop events, it changes nothing and exits with 1, unless --drop is given. Running \
            processes need not be restarted.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("log resize")
    )

    @Flag(help: "Change the limits even if that drops events.")
    var drop = false

    @Flag(help: "Print the changes without making them.")
    var dryRun = false

    @Option(help: "How long to wait for the bus.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(10)

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        let settings = try settings.settings()
        try await LogAccess.whileConnected(settings, timeout: timeout) { connection throws(EventLogError) in
            try await LogResize(on: connection, to: settings.eventLogConfiguration())
        } then: { resize in
            try await apply(resize)
        }
    }

    private func apply(_ resize: LogResize) async throws {
        guard !resize.changes.isEmpty else { return Console.print("the log has these limits already; nothing changed") }
        for change in resize.changes { Console.print(Self.line(change)) }
        guard !dryRun else { return }
        guard drop || !resize.changes.contains(where: \.drops) else {
            throw Exit.because("nothing changed, because events would leave the log: add --drop to allow that", ArgumentParser.ExitCode(1))
        }
        try await resize.apply()
    }

    private static func line(_ change: LogResize.Change) -> String {
        var changes: [String] = []
        if change.present.maxAge != change.wanted.maxAge {
            changes.append("max_age \(LogText.age(change.present.maxAge)) → \(LogText.age(change.wanted.maxAge))")
        }
        if change.present.maxBytes != change.wanted.maxBytes {
            changes.append("max_bytes \(LogText.size(change.present.maxBytes)) → \(LogText.size(change.wanted.maxBytes))")
        }
        var drops: [String] = []
        if let moment = change.droppedBefore { drops.append("what was stored before \(moment.iso8601)") }
        if change.droppedBytes > 0 { drops.append("the oldest \(change.droppedBytes) bytes, about \(change.droppedMessages) messages") }
        let leaves = drops.isEmpty ? "nothing leaves it" : "\(drops.joined(separator: ", and ")) would leave it"
        let holds = "it holds \(change.messages) messages, \(change.bytes) bytes"
        return "\(change.stream): \(changes.joined(separator: ", ")); \(holds); \(leaves)"
    }
}
