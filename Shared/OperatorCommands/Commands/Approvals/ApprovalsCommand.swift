package import ArgumentParser
import ServiceKit

/// `causeway approvals`: requests, decides and consumes approvals over HTTP (contract §12).
package struct ApprovalsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "approvals",
        abstract: "Requests, lists, decides, awaits and consumes approvals.",
        discussion: """
            The commands are a client of the REST API: they need its address (--url or CAUSEWAY_URL) and a token (CAUSEWAY_TOKEN, or a file named by \
            --token-file or CAUSEWAY_TOKEN_FILE). A token is never an argument, because other users of the machine can read those.

            \(exitCodes)
            """,
        version: ConfigurationSchema.versionText("approvals"),
        subcommands: [
            RequestApprovalCommand.self, ListApprovalsCommand.self, ShowApprovalCommand.self, ApproveCommand.self, RejectCommand.self,
            WaitForApprovalCommand.self, ConsumeApprovalCommand.self, DigestCommand.self,
        ]
    )

    /// The part of `--help` that documents the exit codes.
    static let exitCodes = """
        Exit codes: 0 when it was done (wait: approved); 3 when wait ended with a rejection, 4 with an expiry, 5 without a decision within \
        --timeout; 6 when the server refused because of the approval's state: decided, expired, voted or consumed before, not approved, another \
        digest, an id in use; 64 for a mistake on the command line; 65 for invalid input, or an approval that does not exist; 69 when the server did \
        not answer, or asked to try again later; 77 when the token is not accepted or does not permit it; 78 without a token.
        """

    package init() {}
}

extension Exit {
    /// `wait`: the approval was rejected.
    static let rejected = ArgumentParser.ExitCode(3)
    /// `wait`: the approval expired without a decision.
    static let expired = ArgumentParser.ExitCode(4)
    /// `wait`: the approval was still pending at the end of `--timeout`.
    static let stillPending = ArgumentParser.ExitCode(5)
    /// The server refused because of the approval's state (409).
    static let refused = ArgumentParser.ExitCode(6)
}
