import Configuration

/// A source of ``Settings``, as a snapshot of a swift-configuration provider.
struct SettingsLayer: Sendable {
    private let snapshot: any ConfigSnapshot
    private let source: @Sendable (AnyConfigurationKey) -> SettingsSource
    /// Texts that mean "not set": the empty text, which container platforms pass for an unset variable, and YAML's null.
    private let nothing: Set<String>

    /// The options of a command line.
    static func options(_ values: [String: String]) -> SettingsLayer {
        let values = values.map { (AbsoluteConfigKey(ConfigKey($0.key)), ConfigValue(.string($0.value), isSecret: true)) }
        let provider = InMemoryProvider(name: "options", values: Dictionary(uniqueKeysWithValues: values))
        return SettingsLayer(snapshot: provider.snapshot(), source: { .option($0.option) }, nothing: [""])
    }

    /// The environment.
    static func environment(_ variables: [String: String]) -> SettingsLayer {
        let provider = EnvironmentVariablesProvider(environmentVariables: variables, secretsSpecifier: .all)
        return SettingsLayer(snapshot: provider.snapshot(), source: { .environment($0.environmentName) }, nothing: [""])
    }

    /// A file.
    static func file(_ file: ConfigurationFile) -> SettingsLayer {
        SettingsLayer(snapshot: file.snapshot, source: { _ in .file(path: file.path) }, nothing: ["", "null", "~"])
    }

    /// Returns this source's value of a key; nil if absent or empty.
    ///
    /// Reads everything as text: for a number, a provider reports only that a value is malformed, and not the value.
    func value(of key: AnyConfigurationKey) -> (raw: RawValue, source: SettingsSource)? {
        let path = AbsoluteConfigKey(ConfigKey(key.name))
        if let text = try? snapshot.value(forKey: path, type: .string).value, case .string(let text) = text.content {
            return nothing.contains(text) ? nil : (.text(text), source(key))
        }
        if let items = try? snapshot.value(forKey: path, type: .stringArray).value, case .stringArray(let items) = items.content {
            return (.items(items), source(key))
        }
        return nil
    }
}
