package import ArgumentParser
import FoundationEssentials

/// A command whose settings a schema declares.
package protocol ConfiguredCommand {
    /// The keys that the command reads. Each is an option of its command line.
    static var schema: ConfigurationSchema { get }
    /// The rules between its settings that the command checks when it starts. By default those of the keys that programs share.
    static var rules: [SettingsRule] { get }
    /// How the help shows the settings: a service's command line has nothing else; another command shows them with `--help-all`.
    static var settingsVisibility: ArgumentVisibility { get }
}

extension ConfiguredCommand {
    package static var rules: [SettingsRule] { schema.sharedRules }
    package static var settingsVisibility: ArgumentVisibility { .hidden }
}

/// The options of a command's settings: one for each key of its schema and each secret's file, and `--config`, `--print-config` and
/// `--check-config`.
///
/// A command includes them with `@OptionGroup(title: "Settings")`, so that swift-argument-parser reads the whole command line: its help
/// lists them, and an unknown option is compared with them and the command's own ones alike.
///
/// swift-argument-parser finds the options of a type by reflection, and decodes their values by name. This type has no property for each
/// key, but a mirror with an option for each key of the table, and decodes them in the same way. `SettingsArgumentsTests` notices when that
/// changes.
package struct SettingsArguments<Command: ConfiguredCommand>: ParsableArguments, CustomReflectable {
    /// The names of options that every command has, besides its keys.
    private enum General {
        static var config: String { "config" }
        static var printConfig: String { "print-config" }
        static var checkConfig: String { "check-config" }
    }

    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// The values of the command line, by the key's name. Of an option that is given twice, the last.
    private var values: [String: String] = [:]
    private var configurationFile: String?
    private var printsConfiguration = false
    private var checksConfiguration = false

    /// Creates arguments without values, which the parser reflects to find the options.
    package init() {}

    /// Decodes the values that swift-argument-parser has read, by the options' names.
    ///
    /// - Throws: the decoder's errors.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Name.self)
        for key in Command.schema.options + Command.schema.formerKeys {
            values[key.name] = try container.decode(Option<String?>.self, forKey: Name(stringValue: key.optionName)).wrappedValue
        }
        configurationFile = try container.decode(Option<String?>.self, forKey: Name(stringValue: General.config)).wrappedValue
        printsConfiguration = try container.decode(Flag<Bool>.self, forKey: Name(stringValue: General.printConfig)).wrappedValue
        checksConfiguration = try container.decode(Flag<Bool>.self, forKey: Name(stringValue: General.checkConfig)).wrappedValue
    }

    /// The options as the parser finds them: one child for each.
    package var customMirror: Mirror {
        var children = Command.schema.options.map { key in
            (label: key.optionName, value: Self.option(key, visibility: Command.settingsVisibility) as Any)
        }
        children += Command.schema.formerKeys.map { key in (label: key.optionName, value: Self.option(key, visibility: .private) as Any) }
        let file = Option<String?>(
            name: .customLong(General.config),
            help: ArgumentHelp("Read settings from a YAML or JSON file.", valueName: "FILE", visibility: Command.settingsVisibility)
        )
        let printing = Flag(
            wrappedValue: false,
            name: .customLong(General.printConfig),
            help: ArgumentHelp("Print every setting and where it came from, and end.", visibility: Command.settingsVisibility)
        )
        let checking = Flag(
            wrappedValue: false,
            name: .customLong(General.checkConfig),
            help: ArgumentHelp(
                "Check every setting and the files that they name, and end: 0, 1 with warnings, 78 with errors.",
                visibility: Command.settingsVisibility
            )
        )
        children += [(General.config, file), (General.printConfig, printing), (General.checkConfig, checking)]
        // The parser knows a property wrapper by its underscore.
        return Mirror(self, children: children.map { (label: "_\($0.label)", value: $0.value) })
    }

    private static func option(_ key: AnyConfigurationKey, visibility: ArgumentVisibility) -> Option<String?> {
        let name = NameSpecification.customLong(key.optionName)
        let help = ArgumentHelp(
            "\(key.help) (\(key.environmentName)\(absence(of: key)))",
            valueName: key.format.placeholder,
            visibility: visibility
        )
        guard let bare = key.format.bareOption else { return Option(name: name, help: help) }
        return Option(name: name, defaultAsFlag: bare, parsing: .next, help: help)
    }

    private static func absence(of key: AnyConfigurationKey) -> String {
        switch key.absence {
        case .defaultText(let text): text.isEmpty ? "" : ", default \(text)"
        case .allowed: ""
        case .refused: ", required"
        }
    }

    /// Reads the settings of the command line, the process's environment and the file.
    ///
    /// With `--print-config` prints them instead, with `--check-config` what is wrong with them.
    /// - Throws: ``ConfigurationError`` for a setting that is not valid; an `ArgumentParser.ExitCode` after printing.
    package func settings() throws -> Settings {
        try settings(environment: ProcessInfo.processInfo.environment)
    }

    /// Reads the settings with another environment.
    package func settings(environment: [String: String]) throws -> Settings {
        if checksConfiguration {
            let check = check(environment: environment)
            StandardStream.print(check.report(Command.schema.program))
            throw ArgumentParser.ExitCode(check.exitCode.rawValue)
        }
        try ProcessText.check(Command.schema)
        let settings = try Settings(
            schema: Command.schema,
            options: values,
            configurationFile: configurationFile,
            environment: environment
        )
        guard printsConfiguration else { return settings }
        StandardStream.print(settings.printed)
        throw ArgumentParser.ExitCode.success
    }

    /// Checks the settings with an environment.
    func check(environment: [String: String]) -> SettingsCheck {
        var encoding: ConfigurationError?
        do throws(ConfigurationError) {
            try ProcessText.check(Command.schema)
        } catch {
            encoding = error
        }
        return SettingsCheck(
            schema: Command.schema,
            options: values,
            configurationFile: configurationFile,
            environment: environment,
            rules: Command.rules,
            encoding: encoding
        )
    }
}
