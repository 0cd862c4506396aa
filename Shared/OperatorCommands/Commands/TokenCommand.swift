import AccessControl
package import ArgumentParser
import Basics
import EventModel
import ServiceKit

/// `causeway token`: a token to try things out with, signed with the configured secret.
package struct TokenCommand: AsyncParsableCommand {
    private static let schema = ConfigurationSchema(
        command: "token",
        summary: "Mints a token with the configured secret.",
        keys: .accessControl
    )
    /// The longest life of a token that is minted here.
    private static let longestLife: Duration = .seconds(366 * 86_400)

    package static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Mints a token with the configured secret and prints it, and nothing else, on standard output.",
        discussion: schema.discussion,
        version: ConfigurationSchema.versionText("token")
    )

    @Option(help: "The tenant it is for.")
    var tenant: String

    @Option(help: "The user it is for, claim sub.")
    var user: String

    @Option(help: "A role, as often as needed: admin, member, producer.")
    var role: [String] = ["member"]

    @Option(help: "For how long it is valid: 30s, 15m, 1h, 7d.", transform: DurationOption.parse)
    var expiresIn: Duration = .seconds(3600)

    @OptionGroup var settings: SettingsArguments

    package init() {}

    package func validate() throws {
        do throws(Basics.ValidationError) {
            _ = try Tenant(tenant, field: "--tenant")
            _ = try UserID(user, field: "--user")
        } catch {
            throw ArgumentParser.ValidationError("\(error.field) \(error.message)")
        }
        guard expiresIn <= Self.longestLife else { throw ArgumentParser.ValidationError("--expires-in must be at most 366d") }
        _ = try roles()
    }

    package func run() async throws {
        let settings = try settings.settings(Self.schema)
        guard let secret = settings.optionalString(.authHS256Secret), !secret.isEmpty else {
            throw Exit.because(
                """
                there is no secret to sign with: set \(ConfigurationKey.authHS256Secret.environmentName) (public keys and key sets can only check \
                tokens)
                """,
                Exit.configuration
            )
        }
        let claims = try claims(settings)
        do throws(AccessControlError) {
            Console.print(try TokenMinter(secret: secret).mint(claims))
        } catch {
            throw Exit.because(error.message, Exit.configuration)
        }
    }

    private func roles() throws -> Set<Role> {
        Set(
            try role.map { name in
                guard let role = Role(rawValue: name) else {
                    let names = Role.allCases.sorted().map(\.rawValue).joined(separator: ", ")
                    throw ArgumentParser.ValidationError("'\(name)' is no role: use \(names)")
                }
                return role
            }
        )
    }

    /// What the token says, so that services with the same settings accept it.
    private func claims(_ settings: Settings) throws -> TokenMinter.Claims {
        let now = SystemClock.now() / 1000
        let expiry = now + max(1, expiresIn.components.seconds)
        var claims = TokenMinter.Claims(subject: user, tenant: tenant, roles: try roles(), expiresAt: expiry)
        claims.issuedAt = now
        claims.issuer = settings.optionalString(.authIssuer)
        claims.audience = settings.optionalString(.authAudience)
        if let name = settings.list(.authTenantClaims).first { claims.tenantClaim = name }
        return claims
    }
}
