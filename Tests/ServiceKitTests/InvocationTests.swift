import TestKit
import Testing

@testable import ServiceKit

@Suite struct InvocationTests {
    private func printed(_ arguments: [String], environment: [String: String] = [:]) throws -> String {
        guard case .print(let text) = try Invocation(schema: testSchema, arguments: arguments, environment: environment) else {
            Issue.record("\(arguments) runs instead of printing")
            return ""
        }
        return text
    }

    @Test func runsWithSettings() throws {
        guard case .run(let settings) = try Invocation(schema: testSchema, arguments: ["--http-port=1"], environment: [:]) else {
            Issue.record("prints instead of running")
            return
        }
        #expect(settings[.httpPort] == 1)
    }

    @Test(arguments: ["--help", "-h"])
    func helpNamesEveryKeyInEveryForm(_ option: String) throws {
        let help = try printed([option], environment: ["HTTP_PORT": "no number"])
        for key in testSchema.keys {
            #expect(help.contains("  \(key.option) "))
            #expect(help.contains("(\(key.environmentName)"))
        }
        #expect(help.contains("Port of the public listener; 0 takes a free one. (HTTP_PORT, default 8081)"))
        for option in Invocation.generalOptions { #expect(help.contains("  \(option)")) }
    }

    @Test func versionIsOneLine() throws {
        #expect(try printed(["--version"]) == "test-edge 1.2.3\n")
    }

    @Test func configurationShowsKeyValueAndSource() throws {
        let text = try printed(
            ["--print-config", "--http-port", "9"],
            environment: ["HEARTBEAT_INTERVAL": "1.5s", "CORS_ORIGINS": "https://a, https://b"]
        )
        let lines = text.split(separator: "\n").map { line in
            line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
        }
        #expect(lines.contains("http.port: 9 # option --http-port"))
        #expect(lines.contains("heartbeat.interval: 1500ms # environment variable HEARTBEAT_INTERVAL"))
        #expect(lines.contains("cors.origins: \"https://a,https://b\" # environment variable CORS_ORIGINS"))
        #expect(lines.contains("log.max.bytes: 10GiB # default"))
        #expect(lines.contains("# nats.user: # not set"))
        #expect(lines.count == testSchema.keys.count + 1)
    }

    @Test func configurationHidesSecrets() throws {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
        let text = try printed(
            ["--print-config"],
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
        let path = try directory.write(try printed(["--print-config"] + arguments), to: "settings.yaml")
        let first = try Settings(arguments)
        let second = try Settings(["--config", path])
        #expect(first.all.map(\.value?.text) == second.all.map(\.value?.text))
    }

    @Test func configurationIsNotPrintedIfItIsWrong() {
        #expect(throws: ConfigurationError.self) {
            try Invocation(schema: testSchema, arguments: ["--print-config", "--http-port=x"], environment: [:])
        }
    }
}
