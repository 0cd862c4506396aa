import Basics
import Testing

@Suite("The JSON that is read (RFC 8259, and stricter)") struct JSONScannerTests {
    private func scan(_ bytes: [UInt8]) throws(JSONSyntaxError) {
        try JSONScanner.scan(bytes) { (scanner) throws(JSONSyntaxError) in
            scanner.skipWhitespace()
            try scanner.scanValue(depth: 0)
            try scanner.finish()
        }
    }

    private static func nested(_ depth: Int) -> String {
        String(repeating: #"{"a":["#, count: depth / 2) + String(repeating: "]}", count: depth / 2)
    }

    @Test(
        arguments: [
            "{}", "[]", " null ", #""""#, #""\uD83D\uDE92""#, "\"\u{1F692}\"", "-0.1e+7", #"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#,
            #"{"a":1,"A":2}"#, "{\"\u{E9}\":1,\"e\u{301}\":2}", nested(JSONScanner.maximumDepth),
        ]
    )
    func accepts(_ text: String) throws {
        try scan(Array(text.utf8))
    }

    @Test(
        "A member that stands twice, at any depth and however its name is written",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"[[{"x":{"a":1,"a":2}}]]"#, #"{"a":[{"b":1,"b":2}]}"#,
            #"{"":1,"":2}"#, "{" + (0..<40).map { "\"m\($0)\":1" }.joined(separator: ",") + ",\"m7\":1}",
        ]
    )
    func refusesARepeatedMember(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try scan(Array(text.utf8)) }
    }

    @Test(
        arguments: [
            "", " ", "{", "[1,]", #"{"a":1,}"#, "01", "1.", "+1", "NaN", "tru", "'a'", "{a:1}", "// 1\n1", "1 2", "\u{FEFF}{}",
            #""\uD83D""#,
            #""\uDE92""#, #""\uDE92\uD83D""#, #""\uD83Dx""#, #""\x""#, "\"\n\"", "\"\0\"", nested(JSONScanner.maximumDepth + 2),
            String(repeating: "[", count: 1000),
        ]
    )
    func refuses(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try scan(Array(text.utf8)) }
    }

    @Test(
        "Bytes that are not UTF-8",
        arguments: [[0xE3], [0xC0, 0x80], [0xED, 0xA0, 0xBD], [0xF4, 0x90, 0x80, 0x80], [0x80], [0xE2, 0x82]] as [[UInt8]]
    )
    func refusesInvalidUTF8(_ bytes: [UInt8]) {
        #expect(throws: JSONSyntaxError.self) { try scan(Array("\"".utf8) + bytes + Array("\"".utf8)) }
    }
}
