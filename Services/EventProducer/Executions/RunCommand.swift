import ArgumentParser
import Basics
import CausewayProducer
import EventModel
import OperatorCommands
import ServiceKit
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension AnyConfigurationKey {
    /// The tenant of the agent.
    static let tenant = ConfigurationKey(optional: "tenant", .text, help: "The tenant whose agent it is.")
}

/// `event-producer run`: runs any command, and publishes its output as an agent's execution.
struct RunCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(
        command: "run",
        summary: "Runs a command as an agent that people can watch.",
        keys: [.tenant] + .publishing
    )

    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs a command and publishes what it prints as an execution of an agent.",
        usage: "event-producer run --agent <name> [--tenant <tenant>] [--execution <id>] [--replace] -- <command> …",
        discussion: """
            Every line that the command prints becomes an event progress; a line that is itself a JSON object with "progress", a number from 0 to 1, is \
            passed on as it is. At the end comes complete, or failed if the command's exit status is not 0 or a signal ended it, with exitStatus and duration \
            in milliseconds. The command's output is shown as ever, its input is yours, and its exit status is ours.

            A bus that goes away does not stop the command; lines that cannot be kept for it are left out. 69 when the command succeeded but its end could \
            not be published, 75 when another execution of the agent is running.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("run")
    )

    @Option(help: "The agent's name.")
    var agent: String

    @Option(help: "The id of this execution; a new one without it.")
    var execution: String?

    @Flag(help: "End an execution that is still running, with failed, instead of refusing to start.")
    var replace = false

    @Option(help: "How long to wait for the bus, and for the log to store an event.", transform: DurationOption.parse)
    var timeout: Duration = .seconds(10)

    @Argument(parsing: .postTerminator, help: "The command to run, and its arguments, behind --.")
    var command: [String] = []

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        let settings = try settings.settings()
        settings.bootstrapLogging()
        guard !command.isEmpty else { throw ArgumentParser.ValidationError("the command is missing: write it behind --") }
        guard let tenant = settings[.tenant] else {
            throw Exit.because("missing tenant: pass --tenant or set TENANT", ArgumentParser.ExitCode(EX_USAGE))
        }
        let reference: ExecutionReference
        let id: ExecutionRun
        do throws(Basics.ValidationError) {
            reference = ExecutionReference(
                tenant: try Tenant(tenant, field: "--tenant"),
                kind: .agents,
                name: try ExecutionName(agent, field: "--agent")
            )
            id =
                if let execution {
                    try ExecutionRun(execution, field: "--execution")
                } else {
                    ExecutionRun(generated: "run_" + ULID.generate())
                }
        } catch {
            throw Exit.because(error)
        }
        try await EventProducer.whileConnected(settings, command: "run", timeout: timeout) { producer in
            try await checkIsFree(reference, id, producer)
            let ended = try await follow(
                CommandFollower(
                    sink: producer,
                    reference: reference,
                    run: id,
                    replaces: replace,
                    timeout: timeout,
                    passOn: { Console.pass($0, isError: $1 == .errors) },
                    complain: Console.complain
                )
            )
            if ended.outcome.status != 0 { throw ArgumentParser.ExitCode(ended.outcome.status) }
            if !ended.isReported { throw Exit.unavailable }
        }
    }

    /// Throws if another execution is running, or this one has ended. Called before the command starts.
    private func checkIsFree(_ reference: ExecutionReference, _ id: ExecutionRun, _ producer: EventProducer) async throws {
        guard let current = try await producer.execution(of: reference) else { return }
        // Compared by bytes: canonically equivalent texts are different ids.
        let isSame = current.execution.utf8.elementsEqual(id.text.utf8)
        if isSame, current.hasEnded {
            throw Exit.because("the execution \(id) has ended: choose another id", ArgumentParser.ExitCode(EX_TEMPFAIL))
        }
        if !isSame, !current.hasEnded, !replace {
            throw Exit.because(
                """
                another execution of \(reference) is running: \(current.execution), whose last event came at \(current.lastEvent.iso8601). Wait for its end, \
                or end it with --replace if its producer is gone
                """,
                ArgumentParser.ExitCode(EX_TEMPFAIL)
            )
        }
    }

    /// Runs the command, and forwards this process's signals to it.
    private func follow(_ follower: CommandFollower) async throws -> (outcome: WrappedCommand.Outcome, isReported: Bool) {
        // From before the start on: a signal in between is sent to the command as soon as it runs.
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        do {
            return try await follower.follow(try WrappedCommand(command)) { send in
                for await signal in signals {
                    switch signal {
                    case .sigterm: send(SIGTERM)
                    case .sighup: send(SIGHUP)
                    // A terminal sends SIGINT to both processes.
                    default: if isatty(STDIN_FILENO) == 0 { send(SIGINT) }
                    }
                }
            }
        } catch let error as WrappedCommand.StartError {
            throw Exit.because(error.message, ArgumentParser.ExitCode(error.status))
        }
    }
}
