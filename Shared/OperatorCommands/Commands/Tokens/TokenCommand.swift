package import ArgumentParser
import ServiceKit

/// `causeway token`: mints, inspects and revokes tokens. Without a further word it mints one.
package struct TokenCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Mints, inspects and revokes tokens.",
        version: ConfigurationSchema.versionText("token"),
        subcommands: [MintTokenCommand.self, InspectTokenCommand.self, RevokeTokensCommand.self],
        defaultSubcommand: MintTokenCommand.self
    )

    package init() {}
}
