package import ArgumentParser
import Glibc

/// The root command of a program: `@main`.
///
/// Every program of Causeway is one. swift-argument-parser reads the whole command line, so help, version and mistakes are alike
/// everywhere: a mistake is one line on standard error after the program's name, and the exit code 64.
package protocol CommandLineProgram: AsyncParsableCommand {}

extension CommandLineProgram {
    /// Runs the program with the process's command line, and ends the process.
    package static func main() async {
        await run(Array(CommandLine.arguments.dropFirst()))
    }

    /// Runs the program with a command line, without the program's name, and ends the process.
    static func run(_ arguments: [String]) async -> Never {
        do {
            var command = try parseAsRoot(known(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            Glibc.exit(EXIT_SUCCESS)
        } catch let error as ConfigurationError {
            fail(error.message, error.exitCode.rawValue)
        } catch let error as ArgumentParser.ExitCode {
            exit(withError: error)
        } catch {
            let code = exitCode(for: error)
            // Help and version are errors too.
            if code == .success {
                StandardStream.print("\(answer(error, to: arguments))\n")
                Glibc.exit(EXIT_SUCCESS)
            }
            fail(explanation(of: error, in: arguments), code.rawValue)
        }
    }

    /// Replaces `--help-all` by the parser's name of it.
    static func known(_ arguments: [String]) -> [String] {
        let options = arguments.prefix { $0 != "--" }
        return options.map { $0 == helpAll ? "--help-hidden" : $0 } + arguments[options.endIndex...]
    }

    /// Returns the help, the version or another text that a command line asks for.
    static func answer(_ error: any Error, to arguments: [String]) -> String {
        let text = fullMessage(for: error)
        // `help` has no option to show more.
        let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
        let command = Self.command(named: words).command
        let hasMore = text != helpMessage(for: command, includeHidden: true) && text == helpMessage(for: command)
        return HelpText.arranged(text, hasMore: hasMore)
    }

    /// Lists the settings too, in the help of a command that has more than settings.
    private static var helpAll: String { "--help-all" }

    /// Returns what is wrong with a command line, for people.
    ///
    /// swift-argument-parser repeats the words that it does not know. One of them may be a secret without its option, so here they are left
    /// out, or truncated. The value that an option refuses is repeated: the option of a secret takes any.
    static func explanation(of error: any Error, in arguments: [String]) -> String {
        let message = Self.message(for: error)
        let (command, words) = Self.command(named: arguments)
        if message.hasPrefix("Unexpected argument") || message.contains("unexpected arguments: ") {
            return explanation(ofUnexpectedWordsIn: words, for: command)
        }
        if message.hasPrefix("The value '") {
            // A word without an option may be the value of a misspelt one.
            let isPositional = message.contains(" is invalid for '<")
            return isPositional ? arguments.reduce(message) { $0.replacing("'\($1)'", with: "'…'") } : message
        }
        if message.hasPrefix("Missing expected argument '--"), let hint = hint(forMissing: message, in: arguments) {
            return "\(message). \(hint)"
        }
        let known = schema(of: arguments)?.options.map(\.option) ?? []
        let isUnknown = message.hasPrefix("Unknown option") || message.hasPrefix("Invalid option")
        var shown = message
        if isUnknown, !message.contains("Did you mean"),
            let name = arguments.lazy.map(Self.name).first(where: { message.contains("'\($0)'") }),
            // The parser suggests no option that the shorter help leaves out.
            let near = Spelling.nearest(to: name, among: ["--version", "--help", helpAll, "--config", "--print-config"] + known)
        {
            return "Unknown option '\(name)'. Did you mean '\(near)'? --help lists the options"
        }
        let options = arguments.filter { $0.hasPrefix("-") }
        for argument in options {
            let value = argument.dropFirst(Self.name(argument).count + 1)
            if !value.isEmpty { shown = shown.replacing("'\(value)'", with: "'…'") }
        }
        // A word that is near an option's name is no secret.
        if isUnknown, !message.contains("Did you mean") {
            // The longest first, and names behind all whole words: the name of one begins another, whose value would stay.
            for words in [options, options.map(Self.name)] {
                for word in words.sorted(by: { $0.count > $1.count }) {
                    shown = shown.replacing(word, with: ShownText.unknownName(word, among: known))
                }
            }
        }
        return isUnknown ? "\(shown)\(shown.hasSuffix("?") ? "" : ".") --help lists the options" : shown
    }

    /// Returns the option of a word, without a value that is joined to it.
    private static func name(_ argument: String) -> String { String(argument.prefix { $0 != "=" }) }

    /// Returns a hint when the command line has a misspelling of the missing option: the parser notices the missing one first.
    private static func hint(forMissing message: String, in arguments: [String]) -> String? {
        let missing = String(message.drop { $0 != "-" }.prefix { $0 != " " && $0 != "'" })
        let misspelt = arguments.lazy.map(name).first { word in
            word.hasPrefix("--") && word != missing && Spelling.nearest(to: word, among: [missing], most: 2) != nil
        }
        return misspelt.map { "Did you mean '\(missing)' instead of '\($0)'? --help lists the options" }
    }

    private static func explanation(ofUnexpectedWordsIn arguments: ArraySlice<String>, for command: any ParsableCommand.Type) -> String {
        let commands = command.configuration.subcommands.compactMap { $0.configuration.commandName }
        guard !commands.isEmpty, let word = arguments.first(where: { !$0.hasPrefix("-") && !commands.contains($0) }) else {
            return "the command line has a word that belongs to no option: write --option value; --help lists the options"
        }
        let near = Spelling.nearest(to: word, among: commands).map { ": did you mean \($0)?" } ?? ":"
        return "\(ShownText.unknownName(word, among: commands)) is not a command\(near) --help lists the commands"
    }

    /// Returns the subcommand that the first words name, the program itself if they name none, and the words behind those.
    private static func command(named words: some Collection<String>) -> (command: any ParsableCommand.Type, rest: ArraySlice<String>) {
        var command: any ParsableCommand.Type = self
        var rest = Array(words)[...]
        while let word = rest.first, let next = command.configuration.subcommands.first(where: { $0.configuration.commandName == word }) {
            command = next
            rest = rest.dropFirst()
        }
        return (command, rest)
    }

    /// Returns the settings of the command that a command line names: its own, or those that the commands of a group share.
    private static func schema(of arguments: [String]) -> ConfigurationSchema? {
        var command: any ParsableCommand.Type = self
        var schema = (self as? any ConfiguredCommand.Type)?.schema
        for word in arguments {
            guard let next = command.configuration.subcommands.first(where: { $0.configuration.commandName == word }) else { break }
            command = next
            schema = (next as? any ConfiguredCommand.Type)?.schema ?? schema
        }
        return (command.configuration.defaultSubcommand as? any ConfiguredCommand.Type)?.schema ?? schema
    }

    private static func fail(_ message: String, _ code: Int32) -> Never {
        StandardStream.complain(message, program: configuration.commandName ?? ProgramName.current)
        Glibc.exit(code)
    }
}
