import ArgumentParser
import Glibc
import Testing

@testable import ServiceKit

/// A program with every group of keys, and one key of each kind besides.
let testSchema = ConfigurationSchema(
    program: "test-edge",
    version: "1.2.3",
    summary: "For tests.",
    keys: testKeys.flatMap(\.self)
)

/// That program. It exits with 99 when it runs.
struct TestProgram: ServiceCommand {
    static let schema = testSchema

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {
        try await ServiceMain.run(settings) { _ in Glibc.exit(99) }
    }
}

private let testKeys: [[AnyConfigurationKey]] = [
    .listeners(httpPort: 8081, adminPort: 9081), .nats, .eventLog, .accessControl, .edge(heartbeat: "30s"), .logging, .tracing,
    [.someRatio, .someSwitch],
]

extension AnyConfigurationKey {
    static let someRatio = ConfigurationKey("some.ratio", .number(0...1), default: "0.5", help: "A number.")
    static let someSwitch = ConfigurationKey("some.switch", .boolean, default: "false", help: "A switch.")
}

extension Settings {
    init(_ arguments: [String] = [], environment: [String: String] = [:]) throws {
        self = try SettingsArguments<TestProgram>.parse(arguments).settings(environment: environment)
    }
}

/// The error with which the settings are refused.
func refusal(
    _ arguments: [String] = [],
    environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
) -> ConfigurationError? {
    #expect(throws: ConfigurationError.self, sourceLocation: sourceLocation) {
        try Settings(arguments, environment: environment)
    }
}

/// The sentence with which a command line is refused.
func mistake(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) -> String? {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try TestProgram.parseAsRoot(arguments) }
    return error.map { TestProgram.explanation(of: $0, in: arguments) }
}
