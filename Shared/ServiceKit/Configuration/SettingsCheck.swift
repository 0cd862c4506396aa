import Basics

/// Checks the settings of a program without starting it: the result of `--check-config`. Shows no secret.
struct SettingsCheck {
    /// Maximum difference of a variable's name from a setting's, in characters, for it to count as misspelt: the environment has names of many programs.
    private static let misspelling = 2

    /// What keeps the process from starting, with the remedy.
    private(set) var errors: [String] = []
    /// What the process accepts, and is probably a mistake, with the remedy.
    private(set) var warnings: [String] = []

    /// The exit code: 78 with an error, 1 with warnings alone, otherwise 0.
    var exitCode: ExitCode { errors.isEmpty ? warnings.isEmpty ? .success : .failure : .configuration }

    /// Reads all settings and the files that they name. Blocks on the disk; sends nothing.
    ///
    /// - Parameters:
    ///   - rules: are tried when every single setting is valid.
    ///   - encoding: what ``ProcessText`` found.
    init(
        schema: ConfigurationSchema,
        options: [String: String],
        configurationFile: String?,
        environment: [String: String],
        rules: [SettingsRule],
        encoding: ConfigurationError? = nil
    ) {
        errors = [encoding].compactMap { $0?.message }
        let reading = SettingsReading(
            schema: schema,
            options: options,
            configurationFile: configurationFile,
            environment: environment
        )
        errors += reading.errors.map(\.message)
        let entries = schema.keys.compactMap { reading.entries[$0.name] }
        for entry in entries { check(fileOf: entry) }
        for rule in errors.isEmpty ? rules : [] {
            do {
                try rule(Settings(schema: schema, entries: reading.entries))
            } catch {
                errors.append(FatalError.sentence(of: error))
            }
        }
        for entry in entries {
            guard let former = entry.formerKey else { continue }
            warnings.append("\(former.name) (\(entry.source)) is now \(entry.key.name): a later version refuses the former name")
        }
        warnings += Self.misspelt(environment.keys, in: schema)
    }

    /// The report for people: a line for each finding and one for the result.
    func report(_ program: String) -> String {
        let findings = errors.map { "error: \($0)" } + warnings.map { "warning: \($0)" }
        let result =
            findings.isEmpty
            ? "the settings are valid" : "\(Self.count(errors.count, "error")), \(Self.count(warnings.count, "warning"))"
        return (findings + [result]).map { "\(program): \($0)\n" }.joined()
    }

    private static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    private mutating func check(fileOf entry: Settings.Entry) {
        if case .secretFile(let path, let source) = entry.source { return checkAccess(to: path, named: source) }
        guard let use = entry.key.format.file, let path = entry.value?.text else { return }
        do throws(BoundedFile.ReadError) {
            _ = try BoundedFile.read(path, maximumBytes: ConfigurationFile.maximumBytes)
        } catch {
            errors.append("the file \(path) for \(entry.key.name) (\(entry.source)) \(error.reason(limit: ConfigurationFile.maximumBytes))")
            return
        }
        if use == .secret { checkAccess(to: path, named: entry.source) }
    }

    private mutating func checkAccess(to path: String, named source: SettingsSource) {
        guard FileStatus(of: path)?.isOpenToOthers == true else { return }
        warnings.append("the file \(path) (\(source)) has a secret, and other users can read or change it: chmod 600 \(path)")
    }

    private static func misspelt(_ variables: some Sequence<String>, in schema: ConfigurationSchema) -> [String] {
        let known = schema.options.map(\.environmentName)
        let former = schema.formerKeys.map(\.environmentName)
        return variables.filter { !known.contains($0) && !former.contains($0) }.sorted().compactMap { name in
            Spelling.nearest(to: name, among: known, most: misspelling).map {
                "the environment variable \(ShownText.bounded(name)) is no setting of \(schema.program): did you mean \($0)?"
            }
        }
    }
}
