package import ArgumentParser
import Basics
import FoundationEssentials
package import ServiceKit

/// The part of a command line that configures the process: `--nats-url`, `--log-replicas` … and `--config`, `--print-config`, `--version`, as with every
/// service. Receives all options that the command does not define, and rejects those that are not settings either.
package struct SettingsArguments: ParsableArguments {
    @Argument(parsing: .allUnrecognized, help: .hidden)
    package var words: [String] = []

    package init() {}

    /// Reads the settings.
    ///
    /// - Throws: the exit code of the command: success after `--print-config` or `--version`, otherwise a failure with an error message.
    package func settings(_ schema: ConfigurationSchema) throws -> Settings {
        let invocation: Invocation
        do throws(ConfigurationError) {
            try ProcessText.check(schema)
            invocation = try Invocation(schema: schema, arguments: words, environment: ProcessInfo.processInfo.environment)
        } catch {
            throw Exit.because(error)
        }
        switch invocation {
        case .run(let settings): return settings
        case .print(let text):
            Console.print(text.last == "\n" ? String(text.dropLast()) : text)
            throw ArgumentParser.ExitCode.success
        }
    }
}

extension ConfigurationSchema {
    /// Declares the configuration of a subcommand.
    package init(command: String, summary: String, keys: [AnyConfigurationKey]) {
        self.init(program: "\(ProgramName.current) \(command)", version: causewayVersion, summary: summary, keys: keys)
    }

    /// Returns the output of `--version` for the program, or for a subcommand.
    package static func versionText(_ command: String?) -> String {
        "\([ProgramName.current, command].compactMap(\.self).joined(separator: " ")) \(causewayVersion)"
    }

    /// The part of a subcommand's `--help` that lists the settings.
    package var discussion: String {
        let entries = keys.map { key in
            let fallback = if case .defaultText(let text) = key.absence, !text.isEmpty { ", default \(text)" } else { "" }
            let lines = Self.wrapped("\(key.help) (\(key.environmentName)\(fallback))", width: 72)
            return "  \(key.option)\n" + lines.map { "      \($0)" }.joined(separator: "\n")
        }
        return """
            Settings, as options, as environment variables (in parentheses), or as keys of the file that --config names; --print-config shows \
            them with their values:

            \(entries.joined(separator: "\n"))
            """
    }

    /// Wraps the text into lines of at most `width` characters. ArgumentParser wraps too, but does not indent continuation lines.
    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + word.count < width {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

/// Parses option values that are durations.
package enum DurationOption {
    /// Parses `30s`, `5m`, `1h`; throws an error message for anything else.
    @Sendable package static func parse(_ text: String) throws -> Duration {
        guard let duration = DurationText.parse(text), duration > .zero else {
            throw ArgumentParser.ValidationError("'\(text)' is not a duration: use a form such as 500ms, 30s, 5m, 1h or 7d")
        }
        return duration
    }
}
