import ArgumentParser
import ServiceKit

/// `webhook-dispatcher`: events pushed to the endpoints that tenants register. Contract §14.
@main
struct App: ServiceCommand {
    static let schema = ConfigurationSchema(
        program: "webhook-dispatcher",
        version: causewayVersion,
        summary: "Delivers each tenant's events to the webhook endpoints that it registers, signed and with retries.",
        keys: DispatcherProcess.keys
    )

    static let rules: [SettingsRule] =
        schema.sharedRules + [{ _ = try DispatcherProcess.sender($0.webhookSenderConfiguration()) }]

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { process in
            try await DispatcherProcess(process).run()
        }
    }
}
