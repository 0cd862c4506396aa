import Basics
import ServiceKit
import TestKit
import Testing
import Webhooks

@testable import webhook_dispatcher

@Suite("Settings of the dispatcher") struct DispatcherSettingsTests {
    private func settings(_ environment: [String: String]) throws -> Settings {
        try Settings(schema: App.schema, environment: environment.merging(["AUTH_HS256_SECRET": "x"]) { value, _ in value })
    }

    @Test func withoutSettingsOnlyThePublicInternetIsCalled() throws {
        let settings = try settings([:])
        let configuration = try settings.webhookSenderConfiguration()
        #expect(configuration.rules == (try AddressRules()))
        #expect(configuration.authoritiesFile == nil)
        #expect(settings[.webhooksPerTenant] == 100)
        #expect(settings[.httpPort] == 8086 && settings[.adminPort] == 9086)
    }

    @Test func networksAndAuthoritiesAreAdded() throws {
        let configuration = try settings(["WEBHOOK_ALLOWED_NETWORKS": "10.1.0.0/16, fd00:1::/32,127.0.0.1", "WEBHOOK_CA_FILE": "/pem"])
            .webhookSenderConfiguration()
        #expect(configuration.rules == (try AddressRules(allowedNetworks: ["10.1.0.0/16", "fd00:1::/32", "127.0.0.1"])))
        #expect(configuration.authoritiesFile == "/pem")
    }

    @Test(arguments: ["10.1.0.1/16", "example.com", "10.0.0.0/33", "10.0.0.0/8;11.0.0.0/8"])
    func whatIsNoNetworkIsRefused(_ network: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try settings(["WEBHOOK_ALLOWED_NETWORKS": network]).webhookSenderConfiguration()
        }
        #expect(error?.message.contains("WEBHOOK_ALLOWED_NETWORKS") == true && error?.exitCode == .configuration)
    }

    @Test(arguments: ["0", "1025", "many"]) func theNumberOfEndpointsHasBounds(_ number: String) {
        let error = #expect(throws: ConfigurationError.self) { try settings(["WEBHOOKS_PER_TENANT": number]) }
        #expect(error?.message.contains("WEBHOOKS_PER_TENANT") == true)
    }

    @Test func aFileWithoutAuthoritiesIsRefused() throws {
        let directory = try TemporaryDirectory()
        try directory.write("no certificate", to: "ca.pem")
        for file in ["ca.pem", "absent.pem"] {
            let configuration = try settings(["WEBHOOK_CA_FILE": directory.file(file)]).webhookSenderConfiguration()
            let error = #expect(throws: ConfigurationError.self) { try DispatcherProcess.sender(configuration) }
            #expect(error?.message.contains(file) == true && error?.exitCode == .configuration)
        }
    }
}
