package import ArgumentParser
import Basics
import EventModel
import ServiceKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `causeway publish`: sends events to the intake over HTTP (contract §10).
package struct PublishEventsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publishes one event, or those of a file or of standard input, and prints a line for each: its cursor and its id.",
        usage: """
            \(ProgramName.current) publish --type deploy.finished --payload '{"service":"checkout"}'
            \(ProgramName.current) publish --type deploy.finished --payload @payload.json --user ann --id deploy-42
            \(ProgramName.current) publish events.ndjson
            jq -c .events[] export.json | \(ProgramName.current) publish
            """,
        discussion: """
            A file has one event per line: {"type":"…","payload":{…}}, optionally with "tenant", "user", "id", "time". Lines are stored in order. An invalid \
            line is reported with its number and skipped; the exit code is then 65. Needs a token with the role producer, or admin.

            An event with an id may be published again within two minutes without being stored twice; one without an id gets a new one. Requests are \
            repeated while the server is away, for --timeout. event-producer publish does the same on the bus.

            Exit codes: 0 when all is stored; 64 for a mistake on the command line; 65 when an event is invalid; 69 when the server did not answer in \
            time; 77 when the token is not accepted or does not permit it; 78 without a token.
            """,
        version: ConfigurationSchema.versionText("publish")
    )

    @OptionGroup var options: EventOptions

    @Option(help: "The payload: a JSON object, or @file for a file's content. {} by default.")
    var payload: String?

    @Option(help: "The tenant of events that name none, for a token with the role producer; the token's by default.")
    var tenant: String?

    @Option(help: "Time limit for storing the events of one request, with its repetitions.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(30)

    @Flag(name: .shortAndLong, help: "Print nothing for stored events.")
    var quiet = false

    @Flag(help: "Stop at the first event that is not stored.")
    var strict = false

    @Argument(help: "A file with an event per line; - or nothing for standard input.")
    var file: String?

    @OptionGroup var server: ServerArguments

    package init() {}

    package func validate() throws {
        if let tenant { try CommandRule.check { () throws(Basics.ValidationError) in _ = try Tenant(tenant, field: "--tenant") } }
        guard options.type == nil else {
            if file != nil { throw ArgumentParser.ValidationError("give --type for one event, or a file, not both") }
            return
        }
        try options.refuse(payload: payload, with: "the events of a file")
    }

    package func run() async throws {
        let server = try server.server()
        let client = IntakeClient(clock: ContinuousClock(), timeout: timeout) { request throws(CausewayServer.Unreachable) in
            try await server.send(request)
        } refusal: {
            ServerRefusal($0, of: server.target)
        }
        let (isQuiet, form) = (quiet, self.server.output)
        let lines = PublishedLines(client: client, tenant: tenant, isStrict: strict) { id, cursor in
            if !isQuiet { Console.print(Self.line(id: id, cursor: cursor, form: form)) }
        } complain: {
            Console.complain($0)
        }
        let summary: PublishedLines<ContinuousClock>.Summary
        if let line = try event() {
            var pieces = [line, []][...]
            summary = try await lines.run { pieces.popFirst() ?? [] }
        } else {
            summary = try await publish(lines)
        }
        if summary.refused > 0 { throw Exit.invalidEvent }
    }

    /// Publishes the lines of the file, or of standard input.
    private func publish(_ lines: PublishedLines<ContinuousClock>) async throws -> PublishedLines<ContinuousClock>.Summary {
        var descriptor = STDIN_FILENO
        if let file, file != "-" {
            descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw Exit.because("cannot read \(file): \(String(cString: strerror(errno)))", Exit.invalidEvent) }
        } else if isatty(STDIN_FILENO) == 1 {
            Console.complain("reading an event per line; Ctrl-D ends")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        let input = StandardInput(descriptor: descriptor)
        do {
            return try await lines.run { try await input.read(maximumBytes: PublishedLines<ContinuousClock>.pieceBytes) }
        } catch let error as StandardInput.ReadError {
            throw Exit.because("cannot read \(file ?? "standard input"): \(error)", Exit.invalidEvent)
        }
    }

    /// The event that the options describe, as a line; nil without --type.
    func event() throws -> [UInt8]? {
        guard let type = options.type else { return nil }
        do throws(Basics.ValidationError) {
            let payload = try PayloadArgument(payload ?? "{}").payload()
            // Line ends are in JSON only between tokens.
            let line = payload.bytes.map { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") ? UInt8(ascii: " ") : $0 }
            var event: JSONObject = ["type": .string(type), "payload": .json(line)]
            event.append("user", text: options.user)
            event.append("id", text: options.id)
            event.append("time", text: options.time)
            return event.bytes + [UInt8(ascii: "\n")]
        } catch {
            throw Exit.because(error)
        }
    }

    static func line(id: String, cursor: String, form: ServerArguments.OutputForm) -> String {
        switch form {
        case .text: TerminalText.safe("\(cursor)  \(id)")
        case .json: JSONObject(dictionaryLiteral: ("id", .string(id)), ("cursor", .string(cursor))).text
        }
    }
}
