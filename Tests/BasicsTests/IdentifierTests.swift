import Basics
import Testing
import TestKit

@Suite struct IdentifierTests {
    @Test(arguments: [
        "a", " ", "*", ">", "a.b", "日本", "🚦", "%", "\"", String(repeating: "x", count: 256), String(repeating: "é", count: 128),
    ])
    func accepts(_ text: String) throws {
        #expect(try UserID(text).text.utf8.elementsEqual(text.utf8))
    }

    @Test(arguments: [
        ("", "must not be empty"), (String(repeating: "x", count: 257), "at most 256 bytes"),
        (String(repeating: "é", count: 129), "has 258"),
        ("a\0", "control"), ("\u{1}", "control"), ("a\u{1F}b", "control"), ("\u{7F}", "control"), ("\u{80}", "control"),
        ("\u{9F}", "control"),
        ("a\nb", "control"),
    ])
    func refuses(_ text: String, _ words: String) {
        let error = #expect(throws: ValidationError.self) { try UserID(text, field: "--user") }
        #expect(error?.field == "--user")
        #expect(error?.message.contains(words) == true)
    }

    @Test func comparesBytes() throws {
        let composed = Tenant("caf\u{E9}")
        let decomposed = Tenant("cafe\u{301}")
        #expect(composed.text == decomposed.text, "Swift takes them for the same text")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
    }

    @Test(arguments: [".", "..", "a/../b", "../a", "a/.", "./"])
    func refusesWhatNoURLCarries(_ text: String) throws {
        #expect(throws: ValidationError.self) { try ApprovalID(text) }
        #expect(throws: ValidationError.self) { try ExecutionName(text) }
        #expect(try UserID(text).text == text, "URLs do not carry it")
    }

    @Test(arguments: ["...", "a..b", "a./b", ".a/b.", "/", "a//b"])
    func acceptsOtherDotsAndSlashes(_ text: String) throws {
        #expect(try ExecutionName(text).text == text)
    }
}

@Suite struct ExecutionNumberTests {
    @Test(arguments: ["", "0", "-1", "+1", " 1", "1e3", "1.0", "4611686018427387905", "9223372036854775808", "18446744073709551616", "٣"])
    func refuses(_ text: String) {
        #expect(ExecutionNumber(text) == nil)
    }

    @Test func counts() throws {
        let last = try #require(ExecutionNumber("4611686018427387904"))
        #expect(last.next == nil)
        #expect(ExecutionNumber.first.next?.value == 2)
    }
}
