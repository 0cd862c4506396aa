import Basics
import TestKit
import Testing

@Suite("Identifiers (contract §0)") struct IdentifierTests {
    @Test(arguments: ["a", " ", "日本", "a*b>c", "é", "e\u{301}", "🚒", "\"quoted\"", "a/../b", "..", String(repeating: "x", count: 256)])
    func accepts(_ text: String) throws {
        #expect(try UserID(text).text == text)
    }

    @Test(
        arguments: [
            "", "a\nb", "a\rb", "a\0", "\0", "a\u{1F}", "a\u{7F}", "a\u{80}b", "a\u{9F}b", String(repeating: "x", count: 257),
            String(repeating: "é", count: 129),
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: ValidationError.self) { try UserID(text) }
    }

    @Test func anErrorNamesTheFieldThatTheSenderKnows() {
        // Not a literal, which would be made by the literal initialiser of TestKit.
        let empty = String()
        #expect { try UserID(empty, field: "ce-user") } throws: { ($0 as? ValidationError)?.field == "ce-user" }
        #expect { try UserID(empty) } throws: { ($0 as? ValidationError)?.field == "user" }
    }

    @Test func aSourceIsLonger() throws {
        _ = try EventSource(String(repeating: "x", count: 512))
        #expect(throws: ValidationError.self) { try EventSource(String(repeating: "x", count: 513)) }
    }

    @Test func comparesBytes() {
        let (composed, decomposed): (UserID, UserID) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed.text == decomposed.text, "Swift strings are equal here, which is why identifiers do not compare as strings")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(decomposed < composed)
    }

    @Test(arguments: [".", "..", "../a", "a/..", "a/./b", "/.."])
    func noPathSegmentIsADot(_ text: String) {
        #expect(throws: ValidationError.self) { try ApprovalID(text) }
        #expect(throws: ValidationError.self) { try ExecutionName(text) }
    }

    @Test(arguments: ["...", "a.b", ".a", "a/b", "/", "//", "a..b", "..a/b.."])
    func otherDotsAreNames(_ text: String) throws {
        #expect(try ApprovalID(text).text == text)
        #expect(try ExecutionName(text).text == text)
    }
}

@Suite("Numbers of an execution's events (contract §9)") struct ExecutionNumberTests {
    @Test(arguments: [("1", 1), ("4611686018427387904", 1 << 62)] as [(String, UInt64)])
    func reads(_ text: String, _ value: UInt64) {
        #expect(ExecutionNumber(text)?.value == value)
    }

    @Test(
        arguments: [
            "", "0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "١", "4611686018427387905", "9223372036854775808", "18446744073709551615",
            "18446744073709551616", "123456789012345678901234567890",
        ]
    )
    func refuses(_ text: String) {
        #expect(ExecutionNumber(text) == nil)
    }

    @Test func endsWithItsRange() {
        #expect(ExecutionNumber.first.next?.value == 2)
        #expect(ExecutionNumber(ExecutionNumber.range.upperBound)?.next == nil)
    }
}
