import ArgumentParser
import Basics
import EventLog
import EventModel
import ServiceKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `causeway log erase`: erases one event for good.
struct EraseEventCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(command: "log erase", summary: "Erases one event from the log.", keys: .publishing)

    static let configuration = CommandConfiguration(
        commandName: "erase",
        abstract: "Erases one event from the log for good, such as one with data that must not be kept.",
        usage: """
            \(ProgramName.current) log erase evt_01HX9VTPQR0080000000000041
            \(ProgramName.current) log erase evt_01HX9VTPQR0080000000000041 --yes
            """,
        discussion: """
            The server overwrites the message; its sequence stays empty. After at most 5 s no service delivers or lists the event. What was delivered \
            stays with its receivers, and what was copied stays in dead letters, backups and logs. A client that continues behind it may get \
            a stream.gap with the reason expired; the others notice nothing. The producer may send the same event again: after \
            two minutes it is a new one. Events of approvals and of executions are refused; they leave the log by its limits.

            Asks in a terminal; elsewhere it needs --yes.

            Exit codes: 0 when it was erased; 1 when the question was answered with no; 64 for a mistake on the command line, and without \
            --yes where nobody can be asked; 65 when the log does not hold the event, or it is refused; 69 when the bus does not answer; \
            78 for a mistake in the configuration.

            \(ConfigurationSchema.settingsHelp)
            """,
        version: ConfigurationSchema.versionText("log erase")
    )

    @Flag(help: "Erase without a question.")
    var yes = false

    @OptionGroup var event: StoredEventArguments<Self>

    func validate() throws {
        guard !yes, isatty(STDIN_FILENO) == 0 else { return }
        throw ArgumentParser.ValidationError("nobody can be asked, because standard input is not a terminal: add --yes to erase the event")
    }

    func run() async throws {
        try await event.withEvent(command: "log-erase") { entry, log in
            let event = entry.event
            let shown = "\(TerminalText.safe(event.type.name)) of \(TerminalText.safe(event.tenant.text)), \(entry.intake.iso8601)"
            if !yes {
                Console.complain("erase \(shown) for good? Type yes:")
                guard readLine() == "yes" else { throw Exit.because("nothing was erased", ArgumentParser.ExitCode(1)) }
            }
            guard try await log.erase(entry) else {
                throw Exit.because("the event is gone already", Exit.invalidEvent)
            }
            Console.print("erased: \(shown)")
        }
    }
}
