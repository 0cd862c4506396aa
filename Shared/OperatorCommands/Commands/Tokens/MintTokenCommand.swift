import AccessControl
import ArgumentParser
import Basics
import EventModel
import ServiceKit

/// `causeway token mint`: mints a token for trials, signed with the configured secret; never with the previous one.
struct MintTokenCommand: AsyncParsableCommand, ConfiguredCommand {
    static let schema = ConfigurationSchema(
        command: "token mint",
        summary: "Mints a token with the configured secret.",
        keys: .accessControl
    )
    /// Maximum lifetime of a minted token.
    private static let longestLife: Duration = .seconds(366 * 86_400)

    static let configuration = CommandConfiguration(
        commandName: "mint",
        abstract: "Mints a token with the configured secret and prints only the token to standard output.",
        usage: "\(ProgramName.current) token mint --tenant <tenant> --user <user> [--role <role> ...] [--expires-in <duration>]",
        discussion: ConfigurationSchema.settingsHelp,
        version: ConfigurationSchema.versionText("token mint")
    )

    @Option(help: "The token's tenant.")
    var tenant: String

    @Option(help: "The token's user, claim sub.")
    var user: String

    @Option(help: "A role: admin, member, producer, or the name of a role in groups of approvers; may be repeated.")
    var role: [String] = ["member"]

    @Option(help: "The token's lifetime: 30s, 15m, 1h, 7d.", transform: DurationOption.parse)
    var expiresIn: Duration = .seconds(3600)

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func validate() throws {
        do throws(Basics.ValidationError) {
            _ = try Tenant(tenant, field: "--tenant")
            _ = try UserID(user, field: "--user")
            for name in role { try RoleName.check(name, field: "--role") }
        } catch {
            throw ArgumentParser.ValidationError("\(error.field) \(error.message)")
        }
        guard expiresIn <= Self.longestLife else { throw ArgumentParser.ValidationError("--expires-in must be at most 366d") }
    }

    func run() async throws {
        let settings = try settings.settings()
        guard let secret = settings[.authHS256Secret], !secret.isEmpty else {
            throw Exit.because(
                """
                missing signing secret: set \(AnyConfigurationKey.authHS256Secret.environmentName) (public keys and key sets can only verify \
                tokens)
                """,
                Exit.configuration
            )
        }
        // A misspelt role would otherwise go unnoticed.
        for name in role where Role(rawValue: name) == nil {
            Console.complain("'\(name)' is no role of Causeway's own: it counts in groups of approvers alone")
        }
        let claims = claims(settings)
        do throws(AccessControlError) {
            Console.print(try TokenMinter(secret: secret).mint(claims))
        } catch {
            throw Exit.because(error.message, Exit.configuration)
        }
    }

    /// Returns the token's claims, such that services with the same settings accept it.
    private func claims(_ settings: Settings) -> TokenMinter.Claims {
        let now = SystemClock.now() / 1000
        let expiry = now + max(1, expiresIn.components.seconds)
        var claims = TokenMinter.Claims(subject: user, tenant: tenant, expiresAt: expiry)
        claims.roles = Set(role).sorted()
        claims.issuedAt = now
        claims.tokenID = ULID.generate()
        claims.issuer = settings[.authIssuer]
        claims.audience = settings[.authAudience]
        if let name = settings[.authTenantClaims].first { claims.tenantClaim = name }
        if let name = settings[.authRoleClaims].first { claims.rolesClaim = name }
        return claims
    }
}
