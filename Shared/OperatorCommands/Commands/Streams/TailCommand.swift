package import ArgumentParser
import Basics
import EventModel
import ServiceKit
import Synchronization

/// `causeway tail`: prints a tenant's events as they come (contract §4).
package struct TailCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Prints the events that the token's user can see, as they come.",
        usage: """
            \(ProgramName.current) tail
            \(ProgramName.current) tail --types 'investigation.*,approval.requested' --since 10m
            \(ProgramName.current) tail --output json --since evt_01HX9VTPQR0080000000000041 | jq .data
            """,
        discussion: """
            A line for each event: its time, id, type and payload; with --output json an object {"id","type","data"}. When the connection ends, it comes back and \
            continues behind the last event. A gap is told on standard error, and in the form of an event with --output json. Needs a token with the role admin \
            or member.

            --since takes the id of an event, start, a time such as 2024-04-01T14:32:10Z, or a duration such as 10m. For a time, the log is read from its \
            oldest event and what is earlier is left out; an id is faster.

            \(StreamArguments.exitCodes)
            """,
        version: ConfigurationSchema.versionText("tail")
    )

    @Option(help: "Only these types: exact ones, and prefixes that end in .*, separated by commas.")
    var types: String?

    @Option(help: "Begin behind an event, at a time, or so long ago: evt_…, start, 2024-04-01T14:32:10Z, 10m. By default with new events.")
    var since: String?

    @Option(help: "End after this number of events.")
    var limit: Int?

    @OptionGroup var stream: StreamArguments

    package init() {}

    package func validate() throws {
        if let types {
            try CommandRule.check { () throws(Basics.ValidationError) in _ = try TypeFilter(query: types) }
        }
        if let since, StreamStart(since, now: .now) == nil {
            throw ArgumentParser.ValidationError("--since must be the id of an event, start, a time in RFC 3339, or a duration such as 10m")
        }
        if let limit, limit < 1 { throw ArgumentParser.ValidationError("--limit must be at least 1") }
    }

    package func run() async throws {
        let start = since.flatMap { StreamStart($0, now: .now) }
        let printer = Printer(terminal: .output(stream.color), form: stream.server.output, start: start, limit: limit)
        do {
            try await stream.follow(request(from: start)) { printer.take($0) }
        } catch {
            let hasReader = (error as? ArgumentParser.ExitCode) != Interruption.lostReader
            if hasReader, !stream.quiet, let last = printer.lastID {
                Console.complain("continue behind the last event with --since \(last)")
            }
            throw error
        }
    }

    /// Returns the first request of the stream.
    func request(from start: StreamStart?) -> CausewayServer.Request {
        CausewayServer.Request(
            path: ["v1", "notifications", "stream"],
            query: types.map { [["types", $0]] } ?? [],
            lastEventID: start?.lastEventID
        )
    }

    /// Prints events until there are enough.
    final class Printer: Sendable {
        private struct State {
            var printed = 0
            var lastID: String?
        }

        private let terminal: Terminal
        private let form: ServerArguments.OutputForm
        private let start: StreamStart?
        private let limit: Int?
        private let print: @Sendable (String) -> Void
        private let state = Mutex(State())

        init(
            terminal: Terminal,
            form: ServerArguments.OutputForm,
            start: StreamStart?,
            limit: Int?,
            print: @escaping @Sendable (String) -> Void = Console.print
        ) {
            (self.terminal, self.form, self.start, self.limit, self.print) = (terminal, form, start, limit, print)
        }

        /// The id of the last event that was printed.
        var lastID: String? { state.withLock(\.lastID) }

        func take(_ item: StreamItem) -> StreamFollower.Next {
            switch item {
            case .gap(let reason, let missedBefore) where form == .json: print(EventText.json(gap: reason, missedBefore: missedBefore))
            case .event(let event) where start?.isBefore(event) != true:
                print(form == .json ? EventText.json(event) : EventText.line(event, on: terminal))
                let printed = state.withLock { state in
                    state.printed += 1
                    state.lastID = event.id ?? state.lastID
                    return state.printed
                }
                return limit.map { printed >= $0 } == true ? .stop : .more
            default: break
            }
            return .more
        }
    }
}
