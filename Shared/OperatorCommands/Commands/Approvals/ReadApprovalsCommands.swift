import ArgumentParser
import ServiceKit

/// `causeway approvals list`.
struct ListApprovalsCommand: AsyncParsableCommand {
    /// The orders of a list.
    enum Order: String, ExpressibleByArgument, CaseIterable {
        /// The newest first.
        case created
        /// The one that expires next first.
        case deadline
    }

    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Prints a line for each approval that the token's user can see.",
        discussion: "Needs a token with the role admin or member.\n\n\(ApprovalsCommand.exitCodes)",
        version: ConfigurationSchema.versionText("approvals list")
    )

    @Option(help: "Only pending, approved, rejected or expired ones.")
    var status: String?

    @Option(help: "created: the newest first; deadline: the one that expires next first.")
    var sort: Order = .created

    @Option(help: "Maximum number of approvals, 1 to 200.")
    var limit = 50

    @Option(help: "Continues behind an earlier page; each page prints the cursor of the next one to standard error.")
    var cursor: String?

    @OptionGroup var server: ServerArguments

    var request: CausewayServer.Request {
        var query = [["limit", "\(limit)"], ["sort", sort.rawValue]]
        if let status { query.append(["status", status]) }
        if let cursor { query.append(["cursor", cursor]) }
        return CausewayServer.Request(path: CausewayServer.Request.approvals, query: query)
    }

    func run() async throws {
        let body = try await server.server().answer(to: request)
        let list = try CausewayServer.decode(ApprovalList.self, body)
        // No line at all for an empty page.
        if server.output == .json || !list.items.isEmpty {
            server.print(body, list.items.map(ApprovalText.line).joined(separator: "\n"))
        }
        if let next = list.nextCursor { Console.complain("there may be more: --cursor \(TerminalText.safe(next))") }
    }
}

/// `causeway approvals show`.
struct ShowApprovalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Prints an approval: the request with its action, the tally, the decision and the history.",
        discussion: "Needs a token with the role admin, member or producer.\n\n\(ApprovalsCommand.exitCodes)",
        version: ConfigurationSchema.versionText("approvals show")
    )

    @OptionGroup var argument: ApprovalArgument
    @OptionGroup var server: ServerArguments

    func run() async throws {
        try await server.perform(CausewayServer.Request(path: argument.path), ApprovalAnswer.self) { ApprovalText.whole($0, body: $1) }
    }
}
