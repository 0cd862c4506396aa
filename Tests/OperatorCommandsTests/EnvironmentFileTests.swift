import ArgumentParser
import TestKit
import Testing

@testable import OperatorCommands

/// `causeway config check --env-file`.
@Suite struct EnvironmentFileTests {
    private func variables(_ text: String) throws -> [String: String] { try EnvironmentFile(text, path: "a.env").variables }

    @Test func linesAreVariables() throws {
        let text = """
            # A comment; and another one
            ; HTTP_PORT=1
            HTTP_PORT=8081\r
              LOG_LEVEL = debug

            NATS_URL="nats://a:4222, nats://b:4222"
            REGION='a "b"'
            EMPTY=
            HTTP_PORT=8082
            A=b=c
            QUOTE="
            """
        #expect(throws: EnvironmentFile.Mistake.self) { try variables(text) }
        #expect(
            try variables(text.replacing("LOG_LEVEL =", with: "LOG_LEVEL=")) == [
                "HTTP_PORT": "8082", "LOG_LEVEL": "debug", "NATS_URL": "nats://a:4222, nats://b:4222", "REGION": "a \"b\"", "EMPTY": "",
                "A": "b=c", "QUOTE": "\"",
            ]
        )
    }

    @Test(arguments: ["s3cr3t", "export A=s3cr3t", "=s3cr3t", "1A=s3cr3t", "A-B=s3cr3t", "Ä=s3cr3t"])
    func aMistakeNamesTheLineAndQuotesNone(_ line: String) {
        let mistake = #expect(throws: EnvironmentFile.Mistake.self) { try variables("A=1\n\(line)\n") }
        #expect(mistake?.sentence == "a.env, line 2: write NAME=value, with letters, digits and _ in the name")
    }

    @Test func aFileThatIsNoTextIsRefused() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("A=\0", to: "a.env")
        #expect(throws: EnvironmentFile.Mistake(sentence: "\(path) is not UTF-8 text")) { try EnvironmentFile.read(path) }
        #expect(throws: EnvironmentFile.Mistake.self) { try EnvironmentFile.read(directory.file("absent")) }
    }

    @Test func aServiceIsNamedAndItsWordNotRepeated() throws {
        #expect(throws: Never.self) { try CheckConfigurationCommand.parse(["sse-edge"]) }
        for (word, says) in [("sse-egde", "did you mean sse-edge?"), ("s3cr3t-s3cr3t", "use one of sse-edge, ")] {
            let error = try #require(#expect(throws: (any Error).self) { try CheckConfigurationCommand.parse([word]) })
            let message = CheckConfigurationCommand.message(for: error)
            #expect(message.contains(says) && !message.contains(word), "\(message)")
        }
    }
}
