/// The source of a setting.
public indirect enum SettingsSource: Sendable, Hashable, CustomStringConvertible {
    /// A command-line option, with its dashes.
    case option(String)
    /// An environment variable.
    case environment(String)
    /// The file named by `--config`.
    case file(path: String)
    /// A secret's file, and the source of its path.
    case secretFile(path: String, namedBy: SettingsSource)
    /// The program's default.
    case defaultValue
    /// No source: the key has no value.
    case unset

    /// A short text for people.
    public var description: String {
        switch self {
        case .option(let option): "option \(option)"
        case .environment(let variable): "environment variable \(variable)"
        case .file(let path): "file \(path)"
        case .secretFile(let path, let namedBy): "file \(path), named by \(namedBy)"
        case .defaultValue: "default"
        case .unset: "not set"
        }
    }
}
