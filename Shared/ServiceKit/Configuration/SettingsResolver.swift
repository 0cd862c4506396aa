import Basics

/// Resolves a key's value from the sources, in order of precedence.
struct SettingsResolver {
    let layers: [SettingsLayer]

    func entry(for key: AnyConfigurationKey) throws(ConfigurationError) -> Settings.Entry {
        for layer in layers {
            var found = try value(of: key, in: layer)
            // Where a source has both names, the present one counts: another version may need the former one.
            let former = found == nil ? key.former : nil
            if let former { found = layer.value(of: former) }
            guard let (raw, source) = found else { continue }
            guard let value = key.format.parse(raw) else { throw Self.notAllowed(raw, for: key, source: source) }
            return Settings.Entry(key: key, value: value, source: source, formerKey: former)
        }
        switch key.absence {
        case .defaultText(let text): return Settings.Entry(key: key, value: key.format.parse(.text(text)), source: .defaultValue)
        case .allowed: return Settings.Entry(key: key, value: nil, source: .unset)
        case .refused:
            throw .configuration("\(key.name) has no value: set \(key.environmentName) or \(key.option) to \(key.format.allowed)")
        }
    }

    private func value(of key: AnyConfigurationKey, in layer: SettingsLayer) throws(ConfigurationError) -> (RawValue, SettingsSource)? {
        let direct = layer.value(of: key)
        guard let companion = key.fileCompanion, let (raw, source) = layer.value(of: companion) else { return direct }
        if let direct {
            throw .configuration("\(key.name) is given twice, by \(direct.source) and by \(source): leave one of them")
        }
        guard case .text(let path) = raw else { throw Self.notAllowed(raw, for: companion, source: source) }
        let content: [UInt8]
        do {
            content = try BoundedFile.read(path, maximumBytes: SecretFile.maximumBytes)
        } catch {
            throw .configuration("the file \(path) for \(key.name) (\(source)) \(error.reason(limit: SecretFile.maximumBytes))")
        }
        guard let secret = SecretFile.secret(in: content) else {
            throw .configuration("the file \(path) for \(key.name) (\(source)) is empty, or not UTF-8 text")
        }
        return (.text(secret), .secretFile(path: path, namedBy: source))
    }

    private static func notAllowed(_ raw: RawValue, for key: AnyConfigurationKey, source: SettingsSource) -> ConfigurationError {
        let shown =
            switch raw {
            case _ where key.isSecret: "is not what it must be"
            case .text(let text): "cannot be \"\(ShownText.bounded(ShownText.withoutCredentials(text)))\""
            case .items: "cannot be a sequence"
            }
        return .configuration("\(key.name) \(shown) (\(source)): use \(key.format.allowed)")
    }
}
