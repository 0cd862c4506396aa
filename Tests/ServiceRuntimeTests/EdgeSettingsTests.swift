import EdgeRuntime
import Testing

@testable import ServiceRuntime

@Suite struct EdgeSettingsTests {
    /// A tenant has half of the connections unless somebody says (contract §10, Shares).
    @Test(arguments: [([:], 500), (["MAX_CONNECTIONS": "100"], 50), (["MAX_CONNECTIONS": "1"], 1)] as [([String: String], Int)])
    func aTenantHasHalfOfTheConnections(environment: [String: String], share: Int) throws {
        let settings = try Self.settings(environment)
        #expect(EdgeConfiguration(settings, processorCount: 1, descriptorLimit: 1000).maxConnectionsPerTenant == share)
    }

    @Test(arguments: ["0": 0, "7": 7])
    func unlessSomebodySays(text: String, share: Int) throws {
        let settings = try Self.settings(["MAX_CONNECTIONS_PER_TENANT": text])
        #expect(EdgeConfiguration(settings, processorCount: 1, descriptorLimit: 1000).maxConnectionsPerTenant == share)
    }

    @Test func whereNobodyKnowsTheLimitThereIsNone() throws {
        #expect(EdgeConfiguration(try Self.settings([:]), processorCount: 1, descriptorLimit: nil).maxConnectionsPerTenant == 0)
    }

    private static func settings(_ environment: [String: String]) throws -> Settings {
        let keys: [ConfigurationKey] = .edge(heartbeat: "5s") + .edgeTuning
        return try Settings(
            schema: ConfigurationSchema(program: "edge", version: "1", summary: "An edge.", keys: keys),
            environment: environment
        )
    }
}
