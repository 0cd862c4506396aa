import ArgumentParser
import Basics
import CausewayProducer
import EventModel
import OperatorCommands
import ServiceKit

/// `event-producer publish`: one event from options, or many from standard input, straight to the bus.
struct PublishCommand: AsyncParsableCommand {
    private static let schema = ConfigurationSchema(
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
            On standard input there is one event a line: {"type":"…","payload":{…}}, and if need be "tenant", "user", "id", "time". Lines are stored \
            in their order. A line that is no event is reported with its number, and the others go through; the exit code is then 65. When the log \
            does not take events for as long as --timeout, publishing ends with 69. Events with an id may be published again within two minutes \
            without being stored twice.

            \(schema.discussion)
            """,
        version: ConfigurationSchema.versionText("publish")
    )

    @Option(help: "What happened: lower-case words joined by dots.")
    var type: String?

    @Option(help: "Whose event it is; with standard input, of those events that name no tenant.")
    var tenant: String?

    @Option(help: "The one user it is for; everyone in the tenant without it.")
    var user: String?

    @Option(help: "The id by which a repetition is recognised.")
    var id: String?

    @Option(help: "When it happened, such as 2024-04-01T14:32:10Z; now without it.")
    var time: String?

    @Option(help: "The payload: a JSON object, or @file for what is in a file.")
    var payload: String?

    @Option(help: "How long to wait for the bus, and for the log to store.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(10)

    @Flag(help: "Print nothing for stored events.")
    var quiet = false

    @Flag(help: "End at the first line that is no event.")
    var strict = false

    @OptionGroup var settings: SettingsArguments

    mutating func validate() throws {
        // Standard input may be named, as with other tools.
        if settings.words.last == "-" { settings.words.removeLast() }
        if type == nil {
            for (name, value) in [("--user", user), ("--id", id), ("--time", time), ("--payload", payload)] where value != nil {
                throw ArgumentParser.ValidationError("\(name) goes with --type; events on standard input say it themselves")
            }
        } else {
            guard tenant != nil else { throw ArgumentParser.ValidationError("--tenant is missing: say whose event it is") }
            guard payload != nil else {
                throw ArgumentParser.ValidationError("--payload is missing: give a JSON object, {} if there is nothing to say")
            }
        }
    }

    func run() async throws {
        let settings = try settings.settings(Self.schema)
        settings.bootstrapLogging()
        let reader: EventReader
        let event: Event?
        do throws(Basics.ValidationError) {
            reader = EventReader(tenant: try tenant.map { name throws(Basics.ValidationError) in try Tenant(name) })
            var generator = SystemRandomNumberGenerator()
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
        guard let type, let payload else { return nil }
        return EventArguments(type: type, payload: PayloadArgument(payload), user: user, id: id, time: time)
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
