package import ArgumentParser
import Basics
import EventModel
import ServiceKit
import Synchronization

/// `causeway executions`: what agents and workflows are doing (contract §9).
package struct ExecutionsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "executions",
        abstract: "Follows executions of agents and workflows.",
        version: ConfigurationSchema.versionText("executions"),
        subcommands: [FollowExecutionCommand.self]
    )

    package init() {}
}

/// `causeway executions follow`.
struct FollowExecutionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "follow",
        abstract: "Follows the current execution of an agent or workflow to its end.",
        usage: """
            \(ProgramName.current) executions follow builder
            \(ProgramName.current) executions follow release-42 --workflow --wait
            \(ProgramName.current) executions follow builder --output json | jq .data
            """,
        discussion: """
            Begins with the first event of the execution. Shows a progress bar in a terminal, otherwise a line for each event: number, type, progress, step and message; with \
            --output json an object {"id","type","data"}. When the connection ends, it comes back and continues behind the last event. Needs a token of the tenant, \
            with any role.

            \(StreamArguments.exitCodes) 1 when the execution failed.
            """,
        version: ConfigurationSchema.versionText("executions follow")
    )

    @Argument(help: "The agent's name, or the workflow's id.")
    var name: String

    @Flag(help: "The name is that of a workflow.")
    var workflow = false

    @Option(help: "The id of one execution; by default the current one, or the last one.")
    var execution: String?

    @Flag(help: "Wait for an execution to begin if there was none.")
    var wait = false

    @OptionGroup var stream: StreamArguments

    var kind: ExecutionReference.Kind { workflow ? .workflows : .agents }

    func validate() throws {
        try CommandRule.check { () throws(Basics.ValidationError) in _ = try ExecutionName(name) }
        guard let execution else { return }
        try CommandRule.check { () throws(Basics.ValidationError) in _ = try ExecutionRun(execution) }
    }

    var request: CausewayServer.Request {
        var query: [[String]] = []
        if let execution { query.append(["execution", execution]) }
        if wait { query.append(["wait", "true"]) }
        return CausewayServer.Request(path: ["api", "streaming", kind.rawValue, name, "stream"], query: query)
    }

    func run() async throws {
        let terminal = Terminal.output(stream.color)
        let (form, screen) = (stream.server.output, ExecutionScreen())
        let hasBar = form == .text && terminal.isTerminal
        let progress = Mutex(ExecutionProgress(kind))
        defer { screen.clear() }
        let complain: @Sendable (String) -> Void = { sentence in
            screen.clear()
            Console.complain(sentence)
        }
        try await stream.follow(request, complain: complain) { item in
            if case .gap(let reason, let missedBefore) = item, form == .json {
                Console.print(EventText.json(gap: reason, missedBefore: missedBefore))
            }
            guard case .event(let event) = item else { return .more }
            let outcome = progress.withLock { progress in
                if hasBar {
                    screen.show(progress.view(event, on: terminal))
                } else {
                    let line = progress.line(event)
                    Console.print(form == .json ? EventText.json(event) : line)
                }
                return progress.outcome
            }
            return outcome == nil ? .more : .stop
        }
        if progress.withLock(\.outcome) == .failed { throw ArgumentParser.ExitCode(1) }
    }
}
