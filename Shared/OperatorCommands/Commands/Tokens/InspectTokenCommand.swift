import ArgumentParser
import Basics
import ServiceKit

/// `causeway token inspect`: decodes a token, and sends nothing.
struct InspectTokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Decodes a token without verifying it: header, claims, and when it expires.",
        usage: """
            \(ProgramName.current) token inspect
            \(ProgramName.current) token inspect --token-file - < token
            """,
        discussion: """
            Decodes the token that the other commands would send, and sends nothing. The signature is neither checked nor printed.

            Exit codes: 0; 65 for a token that is not a JSON Web Token; 78 without a token.
            """,
        version: ConfigurationSchema.versionText("token inspect")
    )

    @OptionGroup var server: ServerArguments

    func run() async throws {
        guard let content = try server.server().token.flatMap(TokenContent.init) else {
            throw Exit.because("the token is not a JSON Web Token of three parts with readable claims", Exit.invalidEvent)
        }
        Console.print(server.output == .json ? content.json : content.text(now: .now))
    }
}
