import ArgumentParser
import TestKit
import Testing

@testable import ServiceKit

@Suite struct SettingsArgumentsTests {
    private func printed(_ arguments: [String], environment: [String: String] = [:]) throws -> String {
        try Settings(arguments, environment: environment).printed
    }

    /// The text that a command line asks for, instead of a run.
    private func answer(to arguments: [String]) throws -> String {
        let error = try #require(
            #expect(throws: (any Error).self) {
                // Help is a command, which throws its text.
                var command = try TestProgram.parseAsRoot(arguments)
                try command.run()
            }
        )
        #expect(TestProgram.exitCode(for: error) == .success)
        return TestProgram.fullMessage(for: error, columns: 1000)
    }

    /// Fails when swift-argument-parser no longer finds options by reflection, or decodes them otherwise.
    @Test func everyKeyIsAnOption() throws {
        let values = ["auth.hs256.secret", "nats.password"].map { "--" + $0.replacing(".", with: "-") + "=a" }
        let settings = try Settings(["--http-port=1", "--some-switch", "--event-log-max-age", "3d"] + values)
        #expect(settings[.httpPort] == 1 && settings[.someSwitch] && settings[.eventLogMaxAge] == .seconds(3 * 86_400))
        #expect(settings[.authHS256Secret] == "a" && settings[.natsPassword] == "a")
        #expect(settings.source(of: .adminPort) == .defaultValue)
        for key in testSchema.options + testSchema.formerKeys {
            let error = try #require(
                #expect(throws: (any Error).self) { try TestProgram.parseAsRoot([key.option + "=a", "--no-such-option"]) }
            )
            #expect(TestProgram.message(for: error).hasPrefix("Unknown option '--no-such-option'"), "\(key.option)")
        }
    }

    /// The name of one misspelt option is the beginning of another one, which the error is about.
    @Test func noValueOfAMisspeltOptionIsRepeated() throws {
        let words = ["---auth-secret", "---auth-secret=hunter2-hunter2", "---auth-secret=hunter2-hunter2-hunter2"]
        for order in [words, words.reversed(), [words[1], words[2], words[0]]] {
            let text = try #require(mistake(order))
            #expect(text.contains("nvalid option") && !text.contains("hunter2"), "\(text)")
        }
    }

    @Test func aSwitchTakesAValueOrNone() throws {
        #expect(try Settings(["--some-switch"])[.someSwitch])
        #expect(try Settings(["--some-switch", "--http-port=1"])[.someSwitch])
        #expect(try !Settings(["--some-switch=false", "--http-port=1"])[.someSwitch])
        #expect(try !Settings(["--some-switch", "off", "--http-port=1"])[.someSwitch])
    }

    @Test(arguments: ["--help", "-h"])
    func helpNamesEveryKeyInEveryForm(_ option: String) throws {
        let help = try answer(to: [option])
        for key in testSchema.options {
            #expect(help.contains("  \(key.option) "))
            #expect(help.contains("(\(key.environmentName)"))
        }
        for key in testSchema.formerKeys { #expect(!help.contains("  \(key.option) "), "\(key.option)") }
        #expect(help.contains("Port of the public listener; 0 takes a free one. (HTTP_PORT, default 8081)"))
        for option in ["--config <FILE>", "--print-config", "--version", "--help"] { #expect(help.contains(option)) }
    }

    @Test func versionIsOneLine() throws {
        #expect(try answer(to: ["--version"]) == "test-edge 1.2.3")
    }

    @Test func configurationShowsKeyValueAndSource() throws {
        let text = try printed(
            ["--http-port", "9"],
            environment: ["HEARTBEAT_INTERVAL": "1.5s", "CORS_ORIGINS": "https://a, https://b"]
        )
        let lines = text.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        #expect(lines.contains("http.port: 9 # option --http-port"))
        #expect(lines.contains("heartbeat.interval: 1500ms # environment variable HEARTBEAT_INTERVAL"))
        #expect(lines.contains("cors.origins: \"https://a,https://b\" # environment variable CORS_ORIGINS"))
        #expect(lines.contains("event.log.max.bytes: 10GiB # default"))
        #expect(lines.contains("# nats.user: # not set"))
        #expect(lines.count == testSchema.keys.count + 1)
    }

    @Test func configurationHidesSecrets() throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
        let text = try printed(
            [],
            environment: [
                "AUTH_HS256_SECRET": "s3cr3t", "NATS_PASSWORD": "s3cr3t", "NATS_URL": "nats://me:s3cr3t@one:4222,tls://s3cr3t@two:4222",
                "AUTH_JWKS_URL": "https://keys.example/?token=\(token)",
            ]
        )
        #expect(!text.contains("s3cr3t"))
        #expect(!text.contains(token))
        #expect(text.contains("# auth.hs256.secret: <redacted>"))
        #expect(text.contains("# nats.url: \"nats://<redacted>@one:4222,tls://<redacted>@two:4222\""))
    }

    @Test func printedConfigurationMayBeReadAgain() throws {
        let directory = try TemporaryDirectory()
        let arguments = [
            "--http-port=9", "--cors-origins=https://a,https://b", "--auth-issuer=it's \"me\" \\ #1: yes", "--some-switch",
            "--drain-window=1.5s",
        ]
        let path = try directory.write(try printed(arguments), to: "settings.yaml")
        let first = try Settings(arguments)
        let second = try Settings(["--config", path])
        #expect(first.all.map(\.value?.text) == second.all.map(\.value?.text))
    }

    @Test func configurationIsNotPrintedIfItIsWrong() {
        #expect(refusal(["--print-config", "--http-port=x"])?.message.contains("http.port") == true)
    }

    @Test func printingEndsTheProgram() {
        #expect(throws: ArgumentParser.ExitCode.success) { try Settings(["--print-config"]) }
    }
}
