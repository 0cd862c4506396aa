import Basics
import EventModel
import Testing

@Suite struct PayloadTests {
    @Test(arguments: [
        "{}", "{ }", " \t\r\n{\r\n}\n ", #"{"a":1}"#, #"{ "a" : 1 , "b":[ ] ,"c":{ } }"#,
        #"{"a":0,"b":-0,"c":-1.5e+10,"d":1E-2,"e":1e999,"f":123456789012345678901234567890}"#,
        #"{"a":true,"b":false,"c":null}"#, #"{"a":"\"\\\/\b\f\n\r\t\u0000\u00e9\uD83D\uDEA6"}"#,
        #"{"a":"日本語 🚦 é\#u{7F}\#u{2028}"}"#, #"{"":""}"#, #"{"a":{"type":1,"timestamp":2,"x":1},"b":{"x":2}}"#,
        #"{"a":[[],[[]],{},{"b":[{}]}]}"#, #"{"Type":1,"TIMESTAMP":2,"types":3}"#, #"{"e\u0301":1,"\u00e9":2}"#,
    ])
    func accepts(_ json: String) throws {
        #expect(try Payload(validating: bytes(json)).bytes == bytes(json))
    }

    @Test(arguments: [
        "", " ", "[]", "[{}]", "null", "1", "\"{}\"", "{", "}", "{}{}", "{},", "{}x", "{} {}", "\u{FEFF}{}", "{}\0",
        "{,}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1 "b":2}"#, #"{"a" 1}"#, #"{"a"::1}"#, "{a:1}", "{'a':1}",
        #"{1:1}"#,
        #"{"a":01}"#, #"{"a":+1}"#, #"{"a":.5}"#, #"{"a":1.}"#, #"{"a":1.e1}"#, #"{"a":1e}"#, #"{"a":1e+}"#, #"{"a":-}"#, #"{"a":0x1}"#,
        #"{"a":NaN}"#, #"{"a":Infinity}"#, #"{"a":tru}"#, #"{"a":True}"#, #"{"a":truex}"#, #"{"a":nul"#, #"{"a":undefined}"#,
        #"{"a":"}"#, #"{"a":"\"}"#, #"{"a":"\x41"}"#, #"{"a":"\u12"}"#, #"{"a":"\u12G4"}"#, #"{"a":"\u"}"#, #"{"a":"\"#,
        "{\"a\":\"\n\"}", "{\"a\":\"\t\"}", "{\"a\":\"\0\"}", "{\"a\":\"12345678\u{1F}\"}",
        #"{"a":"\ud83d"}"#, #"{"a":"\ude00"}"#, #"{"a":"\ud83dx"}"#, #"{"a":"\ud83d\u0041"}"#, #"{"a":"\ud83d\ud83d"}"#, #"{"a":"\ud83d\u"#,
        "{/**/}", "{\"a\":1//\n}", "{\u{A0}}", "{\u{B}}", #"{"a":[}"#, #"{"a":[1,]}"#, #"{"a":[,1]}"#, #"{"a":[1 2]}"#, #"{"a":[1}"#,
        #"{"a":{]}"#,
        #"{"a":[1]]}"#, #"{"a":{"b"}}"#, #"{"a":{"b":1,}}"#, #"{"a":{1:2}}"#,
    ])
    func refuses(_ json: String) {
        #expect(fault { try Payload(validating: bytes(json)) }?.field == "payload")
    }

    /// Ill-formed sequences of Unicode table 3-7: lone continuations, overlong forms, surrogates, beyond U+10FFFF, cut off.
    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0x80], [0xE1, 0x80], [0xE1, 0x80, 0x41],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF1, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xFE], [0xFF], [0xC3, 0xA9, 0xA9],
        ] as [[UInt8]]
    )
    func refusesBrokenUTF8(_ sequence: [UInt8]) {
        for padding in 0..<10 {
            let filler = [UInt8](repeating: 0x61, count: padding)
            for json in [bytes("{\"a\":\"") + filler + sequence + bytes("\"}"), bytes("{\"a\":\"") + filler + sequence] {
                #expect(fault { try Payload(validating: json) } != nil)
            }
        }
    }

    @Test func acceptsEveryScalar() throws {
        // In steps, so that first and last of every length of encoding are among them.
        for value in Array(stride(from: UInt32(0x20), through: 0x10FFFF, by: 251)) + [
            0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF,
        ] {
            guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
            let payload = try Payload(validating: bytes("{\"a\":\"\(scalar)\"}"))
            #expect(payload.string("a")?.unicodeScalars.first == scalar)
        }
    }

    @Test(arguments: [(63, true), (64, false), (5000, false)])
    func boundsDepth(_ nested: Int, _ isAccepted: Bool) {
        for (open, close) in [("[", "]"), ("{\"b\":", "}")] {
            let inside = open == "[" ? "" : "1"
            let json = "{\"a\":" + String(repeating: open, count: nested) + inside + String(repeating: close, count: nested) + "}"
            #expect((fault { try Payload(validating: bytes(json)) } == nil) == isAccepted)
        }
    }

    @Test func boundsSize() throws {
        let fitting = "{\"a\":\"" + String(repeating: "x", count: Payload.maximumBytes - 8) + "\"}"
        #expect(try Payload(validating: bytes(fitting)).bytes.count == Payload.maximumBytes)
        #expect(fault { try Payload(validating: bytes(fitting + " ")) }?.message.contains("262144") == true)
    }

    @Test(arguments: [
        (#"{"type":1}"#, "payload.type"), (#"{"a":1,"timestamp":null}"#, "payload.timestamp"), (#"{"t\u0079pe":1}"#, "payload.type"),
        (#"{"\u0074\u0069\u006D\u0065\u0073\u0074\u0061\u006d\u0070":1}"#, "payload.timestamp"),
        (#"{"a":1,"a":1}"#, "payload"), (#"{"a":1,"\u0061":2}"#, "payload"), (#"{"é":1,"\u00e9":2}"#, "payload"),
        (#"{"":1,"":2}"#, "payload"),
        ("{" + (0..<100).map { "\"m\($0)\":1" }.joined(separator: ",") + #","m7":2}"#, "payload"),
    ])
    func refusesMembers(_ json: String, _ field: String) {
        #expect(fault { try Payload(validating: bytes(json)) }?.field == field)
    }

    @Test func manyMembersAreNoBurden() throws {
        let names = (0..<15_000).map { "\"m\($0)\":0" }.joined(separator: ",")
        let payload = try Payload(validating: bytes("{\(names)}"))
        #expect(payload.memberCount == 15_000)
        #expect(payload.contains("m14999"))
    }

    @Test func findsMembers() throws {
        let json =
            #"{ "incidentId" : "inc\u005f1" , "n":1.50,"o":{"incidentId":"x"},"a":[1, 2],"t":true,"f":false,"z":null, "\u0069d":"é\n" }"#
        let payload = try Payload(validating: bytes(json))
        #expect(payload.memberCount == 8)
        #expect(payload.string("incidentId") == "inc_1")
        #expect(payload.string("id") == "é\n")
        #expect(payload.string("n") == nil)
        #expect(payload.string("absent") == nil)
        #expect(payload.boolean("t") == true)
        #expect(payload.boolean("f") == false)
        #expect(payload.boolean("z") == nil)
        #expect(payload.contains("z"))
        #expect(!payload.contains("Z"))
        #expect(!payload.contains(#"\u0069d"#))
        #expect(payload.json("n").map { Array($0) } == bytes("1.50"))
        #expect(payload.json("o").map { Array($0) } == bytes(#"{"incidentId":"x"}"#))
        let kinds = ["incidentId", "n", "o", "a", "t", "f", "z", "absent"].map { payload.kind(of: $0) }
        #expect(kinds == [.string, .number, .object, .array, .boolean, .boolean, .null, nil])
    }

    @Test func readsTextsStrictly() throws {
        let payload = try Payload(validating: bytes(#"{"a":["x","\u0079\n"],"b":[],"c":["x",1],"d":null,"e":"x","f":["x",["y"]]}"#))
        #expect(try payload.texts("a") == ["x", "y\n"])
        #expect(try payload.texts("b") == [])
        #expect(try payload.texts("absent") == nil)
        #expect(fault { try payload.texts("c") }?.description == "c[1]: must be a string")
        #expect(fault { try payload.texts("f") }?.field == "f[1]")
        for name in ["d", "e"] { #expect(fault { try payload.texts(name) }?.description == "\(name): must be an array of strings") }
        #expect(try payload.text("e") == "x")
        #expect(try payload.text("d") == nil && payload.text("absent") == nil)
        #expect(fault { try payload.text("a") }?.description == "a: must be a string")
    }

    @Test func namesAMemberThatIsUnknown() throws {
        let payload = try Payload(validating: bytes(#"{"a":1,"\u0062":2}"#))
        #expect(throws: Never.self) { try payload.checkMembers(["a", "b"], of: "a thing", advice: "send a") }
        #expect(
            fault { try payload.checkMembers(["a"], of: "a thing", advice: "send a") }?.description
                == "b: is not a member of a thing: send a"
        )
    }

    @Test func namesTheField() throws {
        let error = try #require(fault { try Payload(validating: bytes(#"{"a":1,]"#), field: "data") })
        #expect(error.field == "data")
        #expect(error.message.contains("byte 7"))
    }

    @Test func emptyIsEmpty() throws {
        #expect(try Payload.empty == Payload(validating: bytes("{}")))
        #expect(Payload.empty.memberCount == 0)
    }
}
