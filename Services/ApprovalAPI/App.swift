import ServiceKit

/// `approval-api`: approvals and the notification list. Contract §7, §8.
@main
struct App {
    static let schema = ConfigurationSchema(
        program: "approval-api",
        version: causewayVersion,
        summary: "Records decisions about approvals, exactly once, and serves each user's list of notifications.",
        keys: ApprovalProcess.keys
    )

    static func main() async {
        await ServiceMain.run(schema) { process in
            try await ApprovalProcess(process).run()
        }
    }
}
