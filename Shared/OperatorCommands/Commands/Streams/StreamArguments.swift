import ArgumentParser
import Basics

/// Options of each command that follows a stream.
struct StreamArguments: ParsableArguments {
    @Option(help: "auto: colours in a terminal, unless NO_COLOR is set; always; never.")
    var color: ColorChoice = .auto

    @Flag(name: .shortAndLong, help: "Tell gaps and errors alone, not lost connections.")
    var quiet = false

    @Option(help: "Give up with 69 after this time without a stream. By default never, once it was open.", transform: DurationOption.parse)
    var giveUpAfter: Duration?

    @Option(
        help: "A connection that is silent for so long is replaced: more than the server's heartbeat interval.",
        transform: DurationOption.parse
    )
    var idleTimeout: Duration = StreamFollower.defaultSilence

    @OptionGroup var server: ServerArguments

    /// The part of `--help` that documents the exit codes.
    static let exitCodes = """
        Exit codes: 0 at the end; 64 for a mistake on the command line; 65 when the server refuses the request or does not know the name; 69 when nothing \
        answers at first, or for --give-up-after; 77 when the token is not accepted or does not permit it; 78 without a token; 130 after Ctrl-C, 143 after \
        SIGTERM.
        """

    /// Follows a stream until `take` wants no more, or a signal arrives. Tells gaps and lost connections on standard error.
    ///
    /// - Parameter complain: prints a notice.
    /// - Throws: the exit code of the command, after printing an error message.
    func follow(
        _ request: CausewayServer.Request,
        complain: @escaping @Sendable (String) -> Void = Console.complain,
        _ take: @escaping @Sendable (StreamItem) async throws -> StreamFollower.Next
    ) async throws {
        let follower = StreamFollower(server: try server.server(), request: request, silence: idleTimeout, patience: giveUpAfter)
        let notices = StreamNotices(Terminal.errors(color), isQuiet: quiet, complain: complain)
        try await Interruption.run {
            var notices = notices
            do {
                try await follower.run { item in
                    notices.tell(item)
                    return try await take(item)
                }
            } catch let refusal as ServerRefusal {
                throw refusal.exit()
            }
        }
    }
}
