import ArgumentParser
import Basics
import EventModel
import HTTPAPI

/// The approval that a subcommand is about.
struct ApprovalArgument: ParsableArguments {
    @Argument(help: "The approvalId.")
    var approval: String

    func validate() throws {
        try CommandRule.check { () throws(Basics.ValidationError) in _ = try ApprovalID(approval) }
    }

    /// The path of the approval's resource.
    var path: [String] { CausewayServer.Request.approvals + [approval] }
}

/// The key by which a repeated request takes effect once.
struct IdempotencyArgument: ParsableArguments {
    @Option(help: "Repeat a request with the same key to get the first answer again, for example after a lost answer.")
    var idempotencyKey: String?

    func validate() throws {
        guard let idempotencyKey else { return }
        try CommandRule.check { () throws(Basics.ValidationError) in _ = try IdempotencyKey(idempotencyKey) }
    }
}

/// The action that a decision or a consumption binds to.
struct DigestArguments: ParsableArguments {
    @Option(help: "A file with the action as JSON, whose digest is sent; - for standard input.")
    var actionFile: String?

    @Option(help: "The digest of the action, as causeway approvals digest prints it.")
    var digest: String?

    func validate() throws {
        guard actionFile == nil || digest == nil else { throw ArgumentParser.ValidationError("give --action-file or --digest, not both") }
    }

    /// Returns the digest to send; nil without one.
    func actionDigest() throws -> String? {
        guard let actionFile else { return digest }
        let text = try InputFile.read(actionFile, option: "--action-file")
        do throws(Basics.ValidationError) {
            return try ActionDigest(of: text[...], field: "--action-file").text
        } catch {
            throw Exit.because(error)
        }
    }
}

/// Turns errors of the contract's rules into errors of the command line.
enum CommandRule {
    static func check(_ body: () throws(Basics.ValidationError) -> Void) throws {
        do throws(Basics.ValidationError) {
            try body()
        } catch {
            throw ArgumentParser.ValidationError("\(error.field) \(error.message)")
        }
    }
}
