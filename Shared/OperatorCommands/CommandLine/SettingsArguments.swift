package import ArgumentParser
import Basics
import FoundationEssentials
package import ServiceKit

/// The part of a command line that configures the process: `--nats-url`, `--log-replicas` … and `--config`, `--print-config`, `--version`, as with every
/// service. What the command does not know goes here, and here unknown means refused.
package struct SettingsArguments: ParsableArguments {
    @Argument(parsing: .allUnrecognized, help: .hidden)
    package var words: [String] = []

    package init() {}

    /// The settings of the process.
    ///
    /// - Throws: what ends the command: after `--print-config` or `--version` with success, else with a sentence.
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
    package init(command: String, summary: String, keys: [ConfigurationKey]) {
        self.init(program: "\(ProgramName.current) \(command)", version: causewayVersion, summary: summary, keys: keys)
    }

    /// What `--version` prints of the program, or of a subcommand, as with every program.
    package static func versionText(_ command: String?) -> String {
        "\([ProgramName.current, command].compactMap(\.self).joined(separator: " ")) \(causewayVersion)"
    }

    /// What a subcommand's `--help` says about the settings.
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

    /// The text in lines of at most `width` characters. ArgumentParser wraps too, but does not indent what it has wrapped.
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

/// Values of options that are durations.
package enum DurationOption {
    /// Reads `30s`, `5m`, `1h`; anything else is refused with a sentence.
    @Sendable package static func parse(_ text: String) throws -> Duration {
        guard let duration = DurationText.parse(text), duration > .zero else {
            throw ArgumentParser.ValidationError("'\(text)' is no duration: write 500ms, 30s, 5m, 1h or 7d")
        }
        return duration
    }
}
