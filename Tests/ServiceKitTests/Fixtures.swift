import Testing

@testable import ServiceKit

/// A program with every group of keys, and one key of each kind besides.
let testSchema = ConfigurationSchema(
    program: "test-edge",
    version: "1.2.3",
    summary: "For tests.",
    keys: testKeys.flatMap(\.self)
)

private let testKeys: [[AnyConfigurationKey]] = [
    .listeners(httpPort: 8081, adminPort: 9081), .nats, .eventLog, .accessControl, .edge(heartbeat: "30s"), .logging,
    [.someRatio, .someSwitch],
]

extension AnyConfigurationKey {
    static let someRatio = ConfigurationKey("some.ratio", .number(0...1), default: "0.5", help: "A number.")
    static let someSwitch = ConfigurationKey("some.switch", .boolean, default: "false", help: "A switch.")
}

extension Settings {
    init(_ arguments: [String] = [], environment: [String: String] = [:]) throws {
        try self.init(schema: testSchema, arguments: arguments, environment: environment)
    }
}

/// The sentence with which the settings are refused.
func refusal(
    _ arguments: [String] = [],
    environment: [String: String] = [:],
    schema: ConfigurationSchema = testSchema,
    sourceLocation: SourceLocation = #_sourceLocation
) -> ConfigurationError? {
    #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
        try Settings(schema: schema, arguments: arguments, environment: environment)
    }
}
