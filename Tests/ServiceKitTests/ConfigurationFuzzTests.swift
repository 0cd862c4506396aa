import ArgumentParser
import TestKit
import Testing

@testable import ServiceKit

/// A program with few keys: the parser builds it for each command line, which must be quick.
private struct ProgramOfFewKeys: ServiceCommand {
    static let schema = ConfigurationSchema(
        program: "few-keys",
        version: "1.2.3",
        summary: "For fuzzing.",
        keys: [.httpPort, .natsURL, .authHS256Secret, .logLevel, .someSwitch]
    )

    @OptionGroup(title: "Settings") var settings: SettingsArguments<Self>

    func run() async throws {}
}

/// Configuration as operators write it. A secret is never repeated in an error.
@Suite struct ConfigurationFuzzTests {
    private static let secret = "hunter2-hunter2-hunter2"
    private static let publicNames = testSchema.keys.filter { !$0.isSecret }.map(\.name)

    /// What was given to a key that is no secret is shown, whatever it is; nothing else is.
    private static func expectNoSecret(_ error: ConfigurationError) throws(FuzzViolation) {
        guard !publicNames.contains(where: { error.message.contains("\($0) cannot be ") }) else { return }
        try expect(!error.message.contains(secret), "the error shows the secret: \(error.message)")
    }

    @Test(arguments: ["yaml", "json"]) func files(format: String) throws {
        let directory = try TemporaryDirectory()
        let seeds =
            format == "yaml"
            ? [
                "http:\n  port: 9000\nmax.connections: 5\ncors:\n  origins: [https://a.example, \"https://b.example\"]\nauth: {hs256: {secret: \"\(Self.secret)\"}}\n",
                "# comment\n---\nheartbeat.interval: 1.5s\nevent.log.max.bytes: 10GiB\nlog.max.age: 7d\nsome.ratio: 0.25\nsome.switch: true\nauth.hs256.secret: \(Self.secret)\n",
            ]
            : [
                #"{"http":{"port":9000},"max.connections":5,"auth":{"hs256.secret":"\#(Self.secret)"},"cors.origins":["https://a.example"]}"#
            ]
        let tokens = [
            "http.port: ", "\"http.port\": ", "max.connections", "event.log.max.bytes: ", ": ", "\n  ", "&a ", "*a", "<<: ", "!!int ",
            "|\n", ">-\n", "- ", "? ", "'", "%YAML 1.1", "\t", "~", "0x1F", "0o17", "1_000", ".inf", ".nan", "1:30", "yes",
        ]
        try Fuzzer("configuration, \(format)", seeds: seeds, tokens: tokens).run { input in
            let path = try directory.write(String(decoding: input, as: UTF8.self), to: "settings.\(format)")
            do throws(ConfigurationError) {
                let settings = try Settings(schema: testSchema, configurationFile: path)
                try? expect((0...65_535).contains(settings[.httpPort]), "")
            } catch {
                try Self.expectNoSecret(error)
                try expect(error.message.utf8.count < 2048, "the error has \(error.message.utf8.count) bytes")
            }
        }
    }

    @Test func byteSizes() throws {
        let seeds = ["65536", "256KiB", "10GiB", "64kB", "1.5MiB", "8388607TiB", "9223372036854775807"]
        try Fuzzer("byte sizes", seeds: seeds, tokens: ["KiB", "kb", "TB", "B", " ", ".", "１"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let size = ByteSizeText.parse(text) else { return }
            try expect(size >= 0, "\(text) is \(size)")
            try expect(ByteSizeText.parse(ByteSizeText.show(size)) == size, "\(text) is shown as \(ByteSizeText.show(size))")
        }
    }

    @Test func commandLines() throws {
        let seeds = [
            "--http-port\n9000\n--nats-url=nats://a:1", "--print-config\n--log-level\ninfo",
            "--auth-hs256-secret=\(Self.secret)\n--version",
        ]
        let tokens = ["--", "\n", "=", "--http-port=", "--help", "--config", "--some-switch", "--nats-url="]
        try Fuzzer("command line", seeds: seeds, tokens: tokens).run { input in
            let arguments = input.split(separator: 0x0A, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
            guard !arguments.contains(where: { $0.contains("config") }) else { return }
            do {
                let program = try ProgramOfFewKeys.parseAsRoot(arguments) as? ProgramOfFewKeys
                guard !arguments.contains("--print-config") else { return }
                _ = try program?.settings.settings(environment: [:])
            } catch let error as ConfigurationError {
                try Self.expectNoSecret(error)
            } catch {
                let message = ProgramOfFewKeys.explanation(of: error, in: arguments)
                try expect(!message.contains(Self.secret), "the error shows the secret: \(message)")
            }
        }
    }
}
