import Foundation
import TestKit
import Testing

@testable import ServiceKit

@Suite struct ConfigurationFileTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func settings(_ text: String, name: String = "settings.yaml") throws -> Settings {
        try Settings(["--config", directory.write(text, to: name)])
    }

    @Test(arguments: [
        """
        http:
          port: 9000
        max:
          connections: 5
          connections.per.tenant: 2
        cors:
          origins: [https://a.example, "https://b.example"]
        auth: {hs256: {secret: "with: colon"}}
        nats.url: nats://one:4222,nats://two:4222
        """,
        """
        http.port: "9000"
        max.connections: 5
        max: {connections.per.tenant: 2}
        cors.origins:
          - https://a.example
          - https://b.example
        auth.hs256.secret: 'with: colon'
        nats: {url: ["nats://one:4222", "nats://two:4222"]}
        """,
        """
        {
        \t"http": {"port": 9000},
        \t"max.connections": 5, "max.connections.per.tenant": 2,
        \t"cors": {"origins": ["https://a.example", "https:\\/\\/b.example"]},
        \t"auth": {"hs256.secret": "with: colon"}, "nats.url": "nats://one:4222, nats://two:4222"
        }
        """,
    ])
    func keysAreNestedOrJoinedByDots(_ text: String) throws {
        let settings = try settings(text)
        #expect(settings[.httpPort] == 9000)
        #expect(settings[.maxConnections] == 5)
        #expect(settings[.maxConnectionsPerTenant] == 2)
        #expect(settings[.corsOrigins] == ["https://a.example", "https://b.example"])
        #expect(settings[.authHS256Secret] == "with: colon")
        #expect(settings[.natsURL] == ["nats://one:4222", "nats://two:4222"])
    }

    @Test(arguments: ["", "\n# nothing\n", "---\n", "{}", "http: {}", "http.port:", "http: {port: null}", "http.port: ~"])
    func whatIsEmptyIsNotSet(_ text: String) throws {
        #expect(try settings(text).source(of: .httpPort) == .defaultValue)
    }

    @Test(arguments: [
        ("http: {prot: 1}", "http.prot in the file PATH is not a key of test-edge: did you mean http.port?"),
        ("htpp.port: null", "htpp.port in the file PATH is not a key of test-edge: did you mean http.port?"),
        ("{\"colour\": \"red\"}", "colour in the file PATH is not a key of test-edge: use one that --help lists"),
        ("http: 1", "http in the file PATH is not a key of test-edge: use one that --help lists"),
        ("http.port: {x: 1}", "http.port.x in the file PATH is not a key of test-edge: did you mean http.port?"),
        ("http.port: 1\nhttp: {port: 2}", "http.port is written twice in the file PATH: leave one of them"),
        ("http.port: [1]", "http.port cannot be a sequence (file PATH): use a whole number from 0 to 65535"),
    ])
    func aKeyThatDoesNotExistStopsTheStart(_ text: String, _ message: String) throws {
        let path = try directory.write(text, to: "settings.yaml")
        #expect(refusal(["--config", path]) == ConfigurationError(message.replacing("PATH", with: path), exitCode: .configuration))
    }

    @Test(arguments: [
        "http: {port: 1", "- a\n- b\n", "just text", "a: b: c", "http.port: 1\nhttp.port: 2", "x: &a [*a]", "\u{1}", "a: [{b: 1}]",
    ])
    func whatIsNoMappingIsExplainedInOneLine(_ text: String) throws {
        let path = try directory.write(text, to: "settings.yaml")
        let message = try #require(refusal(["--config", path])).message
        #expect(message.hasPrefix("the file \(path) is not valid YAML or JSON: "))
        #expect(!message.contains("\n"))
    }

    @Test(arguments: [
        (#"{"http.port": 1, "http.port": 2}"#, "a member that the object has already at byte 18"),
        (#"{"http": {"port": 1, "p\u006frt": 2}}"#, "a member that the object has already at byte 22"),
        (#"{"auth.issuer": "\ud800"}"#, "half a surrogate pair at byte 17"),
        ("{\"http.port\": 1} # a comment", "nothing may follow the value, but something does at byte 17"),
        ("http.port: 1", "expected a value at byte 0"),
    ])
    func aFileThatIsNamedAsJSONIsReadAsJSON(_ text: String, _ problem: String) throws {
        let path = try directory.write(text, to: "settings.json")
        #expect(refusal(["--config", path])?.message == "the file \(path) is not valid JSON: \(problem)")
    }

    @Test(arguments: [
        "http.port: 1\nhttp.port: 2", "http: {port: 1, port: 2}", "http:\n  port: 1\n  port: 2", "http: {port: 1}\nhttp: {host: a}",
        #"{"http.port": 1, "http.port": 2}"#,
    ])
    func aKeyThatIsWrittenTwiceIsNamed(_ text: String) throws {
        let path = try directory.write(text, to: "settings.yaml")
        let message = try #require(refusal(["--config", path])).message
        #expect(message.contains("duplicated key") && message.contains(path), "\(message)")
        #expect(["http", "port"].contains(where: message.contains), "\(message)")
    }

    @Test func aFileThatIsNotUTF8IsRefused() throws {
        for name in ["settings.yaml", "settings.json"] {
            let path = directory.file(name)
            try Data([UInt8]("{\"auth.issuer\": \"".utf8) + [0xFF] + [UInt8]("\"}".utf8)).write(to: URL(filePath: path))
            #expect(refusal(["--config", path])?.message.contains("is not valid") == true)
        }
    }

    @Test func aBrokenFileDoesNotGiveItsSecretsAway() throws {
        let path = try directory.write("auth.hs256.secret: s3cr3t: s3cr3t\nnats: {password: s3cr3t", to: "settings.yaml")
        #expect(try !#require(refusal(["--config", path])).message.contains("s3cr3t"))
    }

    @Test func aFileThatIsNotThereIsNamed() {
        #expect(
            refusal(["--config", directory.file("absent.yaml")])?.message
                == "the file \(directory.file("absent.yaml")) that --config names cannot be read (No such file or directory)"
        )
        #expect(refusal(["--config", directory.path])?.message.hasSuffix("cannot be read (Is a directory)") == true)
    }

    @Test func aFileHasABound() throws {
        let path = try directory.write("#" + String(repeating: "x", count: ConfigurationFile.maximumBytes), to: "settings.yaml")
        #expect(refusal(["--config", path])?.message == "the file \(path) that --config names is larger than 1MiB")
    }
}
