import Testing

@testable import ServiceKit

@Suite struct ProcessTextTests {
    private func refusal(_ arguments: String...) -> String? {
        // U+FFFF stands for a byte that is not UTF-8.
        let bytes = arguments.map { argument in argument.unicodeScalars.flatMap { $0.value == 0xFFFF ? [0xE3] : Array(String($0).utf8) } }
        do throws(ConfigurationError) {
            try ProcessText.check(arguments: bytes)
            return nil
        } catch {
            return error.message
        }
    }

    @Test func argumentsThatAreNotUTF8AreRefusedByName() {
        #expect(refusal("publish", "--tenant", "é", "--id=🚀") == nil)
        #expect(refusal("publish", "--tenant", "x-\u{FFFF}")?.hasPrefix("--tenant is not UTF-8") == true)
        #expect(refusal("publish", "--user=x-\u{FFFF}")?.hasPrefix("--user is not UTF-8") == true)
        #expect(refusal("x-\u{FFFF}")?.hasPrefix("argument 1 is not UTF-8") == true)
        #expect(refusal("publish", "x-\u{FFFF}")?.hasPrefix("argument 2 is not UTF-8") == true)
    }

    @Test func variablesThatAreNotUTF8AreRefusedByName() {
        #expect(throws: Never.self) { try ProcessText.check(variables: [("TENANT", Array("é".utf8))]) }
        let error = #expect(throws: ConfigurationError.self) { try ProcessText.check(variables: [("TENANT", [0x78, 0xE3])]) }
        #expect(error?.message.contains("TENANT is not UTF-8") == true)
        #expect(error?.exitCode == .configuration)
    }
}
