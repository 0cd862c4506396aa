import Basics
import Testing

@Suite struct JSONScannerTests {
    private func scan(_ text: String) throws(JSONSyntaxError) {
        try JSONScanner.scan(Array(text.utf8)) { scanner throws(JSONSyntaxError) in
            scanner.skipWhitespace()
            try scanner.scanValue(depth: 0)
            try scanner.finish()
        }
    }

    @Test(arguments: [
        #"{"a":1,"b":{"a":1}}"#, #"[{"a":1},{"a":1}]"#, #"{"a":{"b":1},"c":{"b":1}}"#, "{}", #"{"a":[{},{}]}"#, #"{"":1," ":2}"#,
        #"{"a":{"x":[1,{"y":1}]},"x":1,"y":2}"#,
    ])
    func acceptsNamesThatDiffer(_ text: String) {
        #expect(throws: Never.self) { try scan(text) }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, 8), (#"{"b":{"a":1,"c":2,"a":3}}"#, 19), (#"[[{"x":{"y":{},"y":{}}}]]"#, 16), (#"{"a":1,"\u0061":2}"#, 8),
        (#"{"a":{"z":1},"b":2,"a":3}"#, 20),
    ])
    func refusesAMemberThatStandsTwice(_ text: String, _ offset: Int) {
        let error = #expect(throws: JSONSyntaxError.self) { try scan(text) }
        #expect(error?.offset == offset)
    }

    @Test func findsARepetitionAmongMany() {
        let names = (0..<5000).map { "\"n\($0)\":0" }
        #expect(throws: Never.self) { try scan("{" + names.joined(separator: ",") + "}") }
        #expect(throws: JSONSyntaxError.self) { try scan("{" + (names + names.prefix(1)).joined(separator: ",") + "}") }
    }

    @Test(arguments: ["\u{FEFF}{}", #"{"a":"\ud800"}"#, #"{"a":"\udc00"}"#, "{}x", String(repeating: "[", count: 1000)])
    func refuses(_ text: String) {
        #expect(throws: JSONSyntaxError.self) { try scan(text) }
    }
}
