import Basics
import Testing

@Suite struct BoundedTextTests {
    @Test(arguments: [
        ("", 3, ""), ("abc", 3, "abc"), ("abcd", 3, "…"), ("abcd", 4, "abcd"), ("abcdef", 5, "ab…"),
        // Two bytes, and a letter with its accent: whole, or not at all.
        ("ääää", 7, "ää…"), ("ääää", 6, "ä…"), ("e\u{301}e\u{301}e\u{301}", 8, "e\u{301}…"), ("👩‍👩‍👧👩‍👩‍👧", 34, "👩‍👩‍👧…"),
    ])
    func isCutBetweenCharacters(_ text: String, _ bytes: Int, _ expected: String) {
        #expect(Array(text.bounded(toBytes: bytes).utf8) == Array(expected.utf8))
    }

    /// One character can be as long as a text.
    @Test func oneCharacterIsCutBetweenCodePoints() {
        let letter = "a" + String(repeating: "\u{301}", count: 100_000)
        #expect(letter.count == 1)
        let cut = letter.bounded(toBytes: 100)
        #expect(cut.utf8.count <= 100)
        #expect(cut.unicodeScalars.first == "a" && cut.unicodeScalars.last == "…")
        #expect(cut.unicodeScalars.allSatisfy { $0 != "\u{FFFD}" })
    }
}
