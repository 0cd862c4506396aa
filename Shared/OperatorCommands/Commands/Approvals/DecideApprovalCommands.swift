import ArgumentParser
import Basics
import ServiceKit

/// Options of `approve` and `reject`.
struct DecisionArguments: ParsableArguments {
    @OptionGroup var argument: ApprovalArgument

    @Option(help: "Why; at most 2,000 characters. It is part of the record.")
    var reason: String?

    @Option(help: "Votes in the place of this user, who has delegated to the token's user.")
    var onBehalfOf: String?

    @OptionGroup var digest: DigestArguments
    @OptionGroup var repetition: IdempotencyArgument
    @OptionGroup var server: ServerArguments

    /// The actions of people.
    enum Action: String {
        case approve
        case reject
    }

    func decide(_ action: Action) async throws {
        try await server.perform(try request(action), DecisionAnswer.self) { answer, _ in ApprovalText.decided(answer) }
    }

    func request(_ action: Action) throws -> CausewayServer.Request {
        var body: JSONObject = ["action": .string(action.rawValue)]
        body.append("reason", text: reason)
        body.append("actionDigest", text: try digest.actionDigest())
        body.append("onBehalfOf", text: onBehalfOf)
        return CausewayServer.Request(method: .post, path: argument.path, body: body.bytes, idempotencyKey: repetition.idempotencyKey)
    }
}

/// `causeway approvals approve`.
struct ApproveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve",
        abstract: "Approves, or votes for an approval that needs several people.",
        discussion: """
            With --action-file or --digest the vote counts only if the request is for that action. After a lost answer, repeat the command with the \
            same --idempotency-key.

            \(ApprovalsCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("approvals approve")
    )

    @OptionGroup var decision: DecisionArguments

    func run() async throws { try await decision.decide(.approve) }
}

/// `causeway approvals reject`.
struct RejectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject",
        abstract: "Rejects. One rejection decides, also if several people have to approve.",
        discussion: ApprovalsCommand.exitCodes,
        version: ConfigurationSchema.versionText("approvals reject")
    )

    @OptionGroup var decision: DecisionArguments

    func run() async throws { try await decision.decide(.reject) }
}
