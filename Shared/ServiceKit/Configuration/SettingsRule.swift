import AccessControl

/// A rule between the settings of a process, which the process checks at its start and `--check-config` without a start.
///
/// - Throws: ``ConfigurationError``, or another `ExplainedError`, with the remedy.
package typealias SettingsRule = @Sendable (Settings) throws -> Void

extension ConfigurationSchema {
    /// The rules between the keys that several programs share; those of the groups whose keys the schema has.
    package var sharedRules: [SettingsRule] {
        let rules: [(key: AnyConfigurationKey, rule: SettingsRule)] = [
            (.natsURL, { _ = try $0.natsConfiguration(name: $0.schema.program) }),
            (.authJWKSURL, { try $0.accessControlConfiguration().check() }),
            (.corsOrigins, { _ = try $0.originPolicy() }),
            (.trustedProxies, { _ = try $0.trustedProxies() }),
            (.otlpEndpoint, { _ = try $0.spanCollector() }),
            (.otlpHeaders, { _ = try $0.spanCollectorHeaders() }),
        ]
        return rules.filter { key(named: $0.key.name) != nil }.map(\.rule)
    }
}
