import Basics
import EdgeRuntime
import Testing

@testable import EdgeService
@testable import ServiceKit

@Suite struct EdgeSettingsTests {
    /// The open-file limit caps the number of connections, whatever is configured (contract §10, Shares).
    @Test(
        arguments: [
            ([:], 1000, 500), (["MAX_CONNECTIONS": "0"], 1000, 500), (["MAX_CONNECTIONS": "100"], 100, 50),
            (["MAX_CONNECTIONS": "1"], 1, 1), (["MAX_CONNECTIONS": "5000"], 1000, 500),
        ] as [([String: String], Int, Int)]
    )
    func aTenantHasHalfOfTheConnections(environment: [String: String], connections: Int, share: Int) throws {
        let configuration = EdgeConfiguration(try Self.settings(environment), processorCount: 1, streamLimit: 1000)
        #expect(configuration.maxConnections == connections)
        #expect(configuration.maxConnectionsPerTenant == share)
    }

    @Test(arguments: ["0": 0, "7": 7])
    func unlessSomebodySays(text: String, share: Int) throws {
        let settings = try Self.settings(["MAX_CONNECTIONS_PER_TENANT": text])
        #expect(EdgeConfiguration(settings, processorCount: 1, streamLimit: 1000).maxConnectionsPerTenant == share)
    }

    @Test(
        arguments: [(1024, 160, 864), (256, 160, 96), (128, 160, 32), (nil, 160, 1 << 30), (.max, 160, 1 << 30)] as [(Int?, Int, Int)]
    )
    func theReserveIsNobodysButTheProcess(limit: Int?, reserve: Int, places: Int) {
        #expect(DescriptorBudget.places(ofLimit: limit, reserve: reserve) == places)
    }

    /// Some places are reserved for answering refused clients.
    @Test(arguments: [(96, 88), (864, 810), (4, 1)])
    func streamsLeavePlaces(places: Int, streams: Int) {
        #expect(DescriptorBudget { places }.streamLimit == streams)
    }

    private static func settings(_ environment: [String: String]) throws -> Settings {
        let keys: [AnyConfigurationKey] = .edge(heartbeat: "5s") + .edgeTuning
        return try Settings(
            schema: ConfigurationSchema(program: "edge", version: "1", summary: "An edge.", keys: keys),
            environment: environment
        )
    }
}
