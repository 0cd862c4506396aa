import ArgumentParser
import OperatorCommands
import ServiceKit

/// `causeway completion`: prints the script by which a shell completes the program's command lines.
struct CompletionCommand: ParsableCommand {
    /// The shells that swift-argument-parser writes scripts for.
    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash
        case zsh
        case fish
    }

    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Prints the script with which bash, zsh or fish completes command lines of \(ProgramName.current).",
        usage: """
            source <(\(ProgramName.current) completion bash)
            \(ProgramName.current) completion zsh > ~/.zsh/completions/_\(ProgramName.current)
            \(ProgramName.current) completion fish > ~/.config/fish/completions/\(ProgramName.current).fish
            """,
        version: ConfigurationSchema.versionText("completion")
    )

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() {
        let kind: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Console.print(App.completionScript(for: kind))
    }
}
