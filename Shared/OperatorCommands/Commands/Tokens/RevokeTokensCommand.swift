import ArgumentParser
import Basics
import EventModel
import ServiceKit

/// `causeway token revoke`: ends tokens before their `exp` (contract §13).
struct RevokeTokensCommand: AsyncParsableCommand {
    /// The members of the answer that are shown.
    private struct Answer: Decodable, Sendable {
        var tenant: String
        var jti: String?
        var sub: String?
        var issuedBefore: String?
        var expiresAt: String
    }

    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Revokes one token by its jti, or all earlier tokens of a user, within a second on every process.",
        usage: """
            \(ProgramName.current) token revoke --jti 01HX9VTPQR3KF8MZWBYD5N6JCD
            \(ProgramName.current) token revoke --user ann
            \(ProgramName.current) token revoke --user ann --issued-before 2024-04-01T14:32:10Z --tenant acme
            """,
        discussion: """
            Needs a token with the role admin, or for --tenant with the role issuer. Cannot be undone; repeating it is harmless. A token that is issued in the \
            same second as the revocation of its user may survive it.

            Exit codes: 0 when it is stored; 64 for a mistake on the command line; 65 when the server refuses the request; 6 when the tenant has too many \
            revocations; 69 when the server did not answer; 77 when the token does not permit it; 78 without a token.
            """,
        version: ConfigurationSchema.versionText("token revoke")
    )

    @Option(help: "The jti of one token, as causeway token inspect shows it.")
    var jti: String?

    @Option(help: "A user, whose earlier tokens are revoked.")
    var user: String?

    @Option(help: "With --user: only tokens that were issued before this time, RFC 3339 with an offset. Now by default.")
    var issuedBefore: String?

    @Option(help: "The tenant, for a token with the role issuer; the token's by default.")
    var tenant: String?

    @OptionGroup var server: ServerArguments

    func validate() throws {
        guard (jti == nil) != (user == nil) else { throw ArgumentParser.ValidationError("give --jti or --user") }
        if issuedBefore != nil, user == nil { throw ArgumentParser.ValidationError("--issued-before needs --user") }
        if let issuedBefore, Timestamp(rfc3339: issuedBefore) == nil {
            throw ArgumentParser.ValidationError("--issued-before must be RFC 3339 with an offset, such as 2024-04-01T14:32:10Z")
        }
    }

    /// Returns the request.
    ///
    /// - Parameter now: the default of `--issued-before`.
    func request(now: Timestamp) -> CausewayServer.Request {
        var body: JSONObject = [:]
        body.append("jti", text: jti)
        body.append("sub", text: user)
        if user != nil { body.append("issuedBefore", .string(issuedBefore ?? now.iso8601)) }
        body.append("tenant", text: tenant)
        return CausewayServer.Request(method: .post, path: ["v1", "tokens", "revocations"], body: body.bytes)
    }

    func run() async throws {
        try await server.perform(request(now: .now), Answer.self) { answer, _ in
            let what = answer.jti.map { "token \($0)" } ?? "tokens of \(answer.sub ?? "") issued before \(answer.issuedBefore ?? "")"
            return TerminalText.safe("revoked: \(what), tenant \(answer.tenant), until \(answer.expiresAt)")
        }
    }
}
