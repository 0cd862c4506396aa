import Testing

@testable import ServiceKit

@Suite struct SpellingTests {
    private static let names = ["tail", "token", "publish", "approvals"]

    @Test(arguments: [("tial", "tail"), ("tokn", "token"), ("pubilsh", "publish"), ("aprovals", "approvals"), ("publissh", "publish")])
    func aMisspeltNameHasANearestOne(word: String, meant: String) {
        #expect(Spelling.nearest(to: word, among: Self.names) == meant)
    }

    @Test(arguments: ["", "liat", "export", "frobnicate"])
    func aWordThatDiffersTooMuchHasNone(word: String) {
        #expect(Spelling.nearest(to: word, among: Self.names) == nil)
    }
}
