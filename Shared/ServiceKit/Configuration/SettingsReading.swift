/// Reads every key of a schema from its sources, and collects what is wrong: ``Settings`` needs the first error, `--check-config` all of them.
struct SettingsReading {
    /// The entries of the keys without an error, by name.
    private(set) var entries: [String: Settings.Entry] = [:]
    /// The errors in the schema's order. An unusable file is the only one, because no key can be judged without it.
    private(set) var errors: [ConfigurationError] = []

    /// Reads the keys. Blocks on the disk for files.
    init(schema: ConfigurationSchema, options: [String: String], configurationFile: String?, environment: [String: String]) {
        var layers = [SettingsLayer.options(options), .environment(environment)]
        if let configurationFile {
            do throws(ConfigurationError) {
                layers.append(.file(try ConfigurationFile(path: configurationFile, schema: schema)))
            } catch {
                errors = [error]
                return
            }
        }
        let resolver = SettingsResolver(layers: layers)
        for key in schema.keys {
            do throws(ConfigurationError) {
                entries[key.name] = try resolver.entry(for: key)
            } catch {
                errors.append(error)
            }
        }
    }
}
