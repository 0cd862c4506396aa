import ArgumentParser
import Basics
import CausewayProducer
import EventModel
import OperatorCommands
import ServiceKit

/// `event-producer publish`: publishes one event from options, or many from standard input, directly to the bus.
struct PublishCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(
        command: "publish",
        summary: "Publishes events from the command line.",
        keys: .publishing
    )

    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publishes one event, or those on standard input, and prints a line of JSON for each: its id and its cursor.",
        usage: """
            event-producer publish --type <type> --tenant <tenant> --payload <json> [--user <user>] [--id <id>] [--time <time>]
            event-producer publish [--tenant <tenant>] [--strict] [--quiet] [-] < events.ndjson
            """,
        discussion: """
            Standard input has one event per line: {"type":"…","payload":{…}}, optionally with "tenant", "user", "id", "time". Lines are stored in \
            order. An invalid line is reported with its number and skipped; the exit code is then 65. When the log does not store events within \
            --timeout, publishing ends with 69. An event with an id may be published again within two minutes without being stored twice.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("publish")
    )

    @OptionGroup var options: EventOptions

    @Option(help: "The event's tenant; with standard input, the default tenant.")
    var tenant: String?

    @Option(help: "The payload: a JSON object, or @file for a file's content.")
    var payload: String?

    @Option(help: "Time limit for connecting to the bus, and for storing events.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(10)

    @Flag(help: "Print nothing for stored events.")
    var quiet = false

    @Flag(help: "Stop at the first invalid line.")
    var strict = false

    @Argument(help: "-, the default: read events from standard input.")
    var input: String?

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func validate() throws {
        if options.type == nil {
            try options.refuse(payload: payload, with: "events on standard input")
        } else {
            guard tenant != nil else { throw ArgumentParser.ValidationError("missing tenant: pass --tenant") }
            guard input == nil else { throw ArgumentParser.ValidationError("give --type for one event, or - for standard input, not both") }
            guard payload != nil else {
                throw ArgumentParser.ValidationError("missing payload: pass --payload with a JSON object, which may be {}")
            }
        }
    }

    func run() async throws {
        // Not earlier: the word may be the value of a misspelt option, and that is the mistake to explain. Not repeated: it may be a
        // secret.
        guard input == nil || input == "-" else {
            throw ArgumentParser.ValidationError("the only word without an option may be -, for standard input")
        }
        let settings = try settings.settings()
        settings.bootstrapLogging()
        let reader: EventReader
        let event: Event?
        do throws(Basics.ValidationError) {
            reader = EventReader(tenant: try tenant.map { name throws(Basics.ValidationError) in try Tenant(name) })
            var generator = SharedRandomNumberGenerator()
            event = try arguments?.event(reader, now: .now, using: &generator)
        } catch {
            throw Exit.because(error)
        }
        try await EventProducer.whileConnected(settings, command: "publish", timeout: timeout) { producer in
            try await publish(event, reader, with: producer)
        }
    }

    /// The event that the options describe; nil when events come on standard input.
    private var arguments: EventArguments? {
        guard let type = options.type, let payload else { return nil }
        return EventArguments(type: type, payload: PayloadArgument(payload), user: options.user, id: options.id, time: options.time)
    }

    private func publish(_ event: Event?, _ reader: EventReader, with producer: EventProducer) async throws {
        let isQuiet = quiet
        let print: @Sendable (String) -> Void = { line in
            if !isQuiet { Console.print(line) }
        }
        if let event { return print(LinePublisher.line(try await producer.publish(event))) }
        let lines = LinePublisher(
            sink: producer,
            reader: reader,
            isStrict: strict,
            timeout: timeout,
            print: print,
            complain: Console.complain
        )
        let input = StandardInput()
        let summary = try await lines.run { try await input.read(maximumBytes: LinePublisher.pieceBytes) }
        if summary.failure != nil { throw Exit.unavailable }
        if summary.refused > 0 { throw Exit.invalidEvent }
    }
}
