import AccessControl
import ArgumentParser
import ServiceKit

/// `approval-api`: approvals and the notification list. Contract §7, §8.
@main
struct App: ServiceCommand {
    static let schema = ConfigurationSchema(
        program: "approval-api",
        version: causewayVersion,
        summary: "Records decisions about approvals, exactly once, and serves each user's list of notifications.",
        keys: ApprovalProcess.keys
    )

    static let rules: [SettingsRule] = schema.sharedRules + [{ _ = try $0.securityEventConfiguration()?.tokens.check() }]

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { process in
            try await ApprovalProcess(process).run()
        }
    }
}
