import ArgumentParser
import Basics
import ServiceKit

/// `causeway approvals wait`: returns when an approval is decided.
struct WaitForApprovalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait",
        abstract: "Waits until an approval is decided. The exit code says how.",
        discussion: """
            Approved is not yet permitted: consume the approval before you act. Waits through outages of the server. Needs a token with the role admin, \
            member or producer.

            \(ApprovalsCommand.exitCodes)
            """,
        version: ConfigurationSchema.versionText("approvals wait")
    )

    @OptionGroup var argument: ApprovalArgument

    @Option(help: "How long to wait: 30s, 15m, 1h. By default until it is decided or expires.", transform: DurationOption.parse)
    var timeout: Duration?

    @Option(help: "The pause between two requests.", transform: DurationOption.parse)
    var interval: Duration = .seconds(2)

    @OptionGroup var server: ServerArguments

    func run() async throws {
        let (asked, request) = (try server.server(), CausewayServer.Request(path: argument.path))
        let (body, answer) = try await Self.decided(
            clock: ContinuousClock(),
            timeout: timeout,
            interval: interval
        ) { () throws(CausewayServer.Unreachable) in
            try await asked.send(request)
        } refusal: {
            ServerRefusal($0, of: asked.target)
        }
        server.print(body, ApprovalText.outcome(answer))
        if let code = Self.exitCode(status: answer.status) { throw code }
    }

    /// The exit code for a status; nil for success.
    static func exitCode(status: String) -> ArgumentParser.ExitCode? {
        switch status {
        case "approved": nil
        case "rejected": Exit.rejected
        case "expired": Exit.expired
        default: Exit.stillPending
        }
    }

    /// Asks until the approval is not pending, or until `timeout`. An answer that may change later counts as no answer.
    ///
    /// - Returns: the last answer with a success status.
    /// - Throws: the exit code of the command, after printing an error message, when the server refuses, or had not answered by `timeout`.
    static func decided<C: Clock>(
        clock: C,
        timeout: Duration?,
        interval: Duration,
        ask: () async throws(CausewayServer.Unreachable) -> CausewayServer.Answer,
        refusal: (CausewayServer.Answer) -> ServerRefusal
    ) async throws -> (body: [UInt8], answer: ApprovalAnswer) where C.Duration == Duration {
        let start = clock.now
        while true {
            let outcome = try await RepeatedRequest.outcome(ask, refusal)
            let left = timeout.map { $0 - start.duration(to: clock.now) }
            let isOver = left.map { $0 <= .zero } ?? false
            var pause = interval
            switch outcome {
            case .answered(let body):
                let answer = try CausewayServer.decode(ApprovalAnswer.self, body)
                if isOver || answer.status != "pending" { return (body, answer) }
            case .unanswered(let problem, let retryAfter):
                if isOver { throw Exit.because(problem, Exit.unavailable) }
                pause = max(interval, retryAfter ?? .zero)
            }
            try await clock.sleep(for: min(pause, left ?? pause))
        }
    }
}
