import ArgumentParser
import Basics
import ServiceKit

/// `causeway approvals consume`: takes the permit to execute.
struct ConsumeApprovalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "consume",
        abstract: "Takes the permit to execute an approved action, once.",
        discussion: """
            Succeeds for one caller, once, after the approval, for the action that was approved. Execute only after exit code 0. After a lost answer, \
            repeat the command with the same --idempotency-key. Needs a token with the role producer or admin, and --action-file or --digest if the \
            request has an action.

            \(ApprovalsCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("approvals consume")
    )

    @OptionGroup var argument: ApprovalArgument
    @OptionGroup var digest: DigestArguments
    @OptionGroup var repetition: IdempotencyArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        try await server.perform(try request(), ConsumptionAnswer.self) { answer, _ in ApprovalText.consumed(answer) }
    }

    func request() throws -> CausewayServer.Request {
        var body: JSONObject = [:]
        body.append("actionDigest", text: try digest.actionDigest())
        return CausewayServer.Request(
            method: .post,
            path: argument.path + ["consume"],
            body: body.bytes,
            idempotencyKey: repetition.idempotencyKey
        )
    }
}
