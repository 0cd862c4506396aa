import ArgumentParser
import TestKit
import Testing

@testable import ServiceKit

@Suite struct SecretFileTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    @Test(arguments: ["s3cr3t", "s3cr3t\n", "s3cr3t\r\n"])
    func aSecretComesFromAFileOfItsOwn(_ content: String) throws {
        let path = try directory.write(content, to: "secret")
        let settings = try Settings(environment: ["AUTH_HS256_SECRET_FILE": path])
        #expect(settings[.authHS256Secret] == "s3cr3t")
        #expect(
            settings.source(of: .authHS256Secret) == .secretFile(path: path, namedBy: .environment("AUTH_HS256_SECRET_FILE"))
        )
    }

    @Test func everySourceMayNameTheFile() throws {
        let path = try directory.write("s3cr3t", to: "secret")
        #expect(try Settings(["--nats-password-file", path])[.natsPassword] == "s3cr3t")
        let file = try directory.write("nats: {password: {file: \(path)}}", to: "settings.yaml")
        #expect(try Settings(["--config", file])[.natsPassword] == "s3cr3t")
    }

    @Test func theStrongerSourceWinsHoweverItGivesTheSecret() throws {
        let path = try directory.write("from file", to: "secret")
        let settings = try Settings(["--nats-password", "from option"], environment: ["NATS_PASSWORD_FILE": path])
        #expect(settings[.natsPassword] == "from option")
    }

    @Test func twoSecretsFromOneSourceAreRefused() throws {
        let path = try directory.write("s3cr3t", to: "secret")
        #expect(
            refusal(environment: ["NATS_PASSWORD": "other", "NATS_PASSWORD_FILE": path])?.message
                == "nats.password is given twice, by environment variable NATS_PASSWORD and by environment variable NATS_PASSWORD_FILE: leave one of them"
        )
    }

    @Test func aSecretFileThatCannotBeUsedIsNamed() throws {
        func message(_ path: String) -> String? { refusal(environment: ["NATS_PASSWORD_FILE": path])?.message }
        let source = "for nats.password (environment variable NATS_PASSWORD_FILE)"
        let absent = directory.file("absent")
        #expect(message(absent) == "the file \(absent) \(source) cannot be read (No such file or directory)")
        let empty = try directory.write("\n", to: "empty")
        #expect(message(empty) == "the file \(empty) \(source) is empty, or not UTF-8 text")
        let large = try directory.write(String(repeating: "x", count: 64 * 1024 + 1), to: "large")
        #expect(message(large) == "the file \(large) \(source) is larger than 64KiB")
    }

    @Test func onlySecretsMayBeInAFileOfTheirOwn() throws {
        let error = try #require(#expect(throws: (any Error).self) { try Settings(["--http-port-file", "/x"]) })
        #expect(TestProgram.message(for: error).hasPrefix("Unknown option '--http-port-file'"))
        #expect(try Settings(environment: ["HTTP_PORT_FILE": "/x"])[.httpPort] == 8081)
    }
}
