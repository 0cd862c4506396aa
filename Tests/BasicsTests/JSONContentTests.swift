import Basics
import Testing

@Suite struct JSONContentTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test(arguments: [
        (#"{"a":1,"b":2}"#, #"{ "b" : 2 , "a" : 1 }"#, true),
        (#"{"a":"é/"}"#, #"{"\u0061":"\u00e9\/"}"#, true),
        (#"{"a":[1,{"x":null,"y":[]}]}"#, "{\"a\":\n[ 1 ,{\"y\":[ ],\"x\":null}\t]\r}", true),
        (#"{"😀":"\n\u0001"}"#, #"{"\ud83d\ude00":"\u000a\u0001"}"#, true),
        ("[]", "[ ]", true), ("{}", " { } ", true),
        (#"{"a":1}"#, #"{"a":1.0}"#, false), (#"{"a":1}"#, #"{"a":1e0}"#, false), (#"{"a":0}"#, #"{"a":-0}"#, false),
        (#"{"a":1e2}"#, #"{"a":1E2}"#, false),
        (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, false), (#"{"a":null}"#, "{}", false), (#"{"a":"1"}"#, #"{"a":1}"#, false),
        (#"{"a":"é"}"#, "{\"a\":\"e\u{301}\"}", false), (#"{"a":""}"#, #"{"a":" "}"#, false),
        (#"{"ab":{"c":1}}"#, #"{"a":{"bc":1}}"#, false), (#"{"a\"":1}"#, #"{"a":1}"#, false),
    ])
    func comparesContent(_ one: String, _ other: String, _ isSame: Bool) {
        #expect(JSONContent.isSame(bytes(one), bytes(other)) == isSame)
        #expect(JSONContent.isSame(bytes(other), bytes(one)) == isSame)
    }

    @Test func theOneSpellingIsItsOwn() {
        let text = bytes(#"{"b":[1.50,{"d":"\u00e9","c":"\""}],"a":true}"#)
        let canonical = JSONContent.canonical(text)
        #expect(String(decoding: canonical, as: UTF8.self) == #"{"a":true,"b":[1.50,{"c":"\"","d":"é"}]}"#)
        #expect(JSONContent.canonical(canonical) == canonical)
    }

    @Test func theDeepestTextIsCompared() {
        let depth = JSONScanner.maximumDepth
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(JSONContent.isSame(bytes(text), bytes(" " + text)))
    }
}
