import Basics
import TestKit
import Testing

@Suite struct CanonicalJSONTests {
    private func canonical(_ json: String) throws -> String {
        String(decoding: try CanonicalJSON.encode(Array(json.utf8), field: "action"), as: UTF8.self)
    }

    private func fault(_ json: String) -> ValidationError? {
        do throws(ValidationError) {
            _ = try CanonicalJSON.encode(Array(json.utf8), field: "action")
            return nil
        } catch {
            return error
        }
    }

    /// RFC 8785 §3.2.2 and §3.2.3.
    @Test(arguments: [
        (
            """
            {
              "numbers": [333333333.33333329, 1E30, 4.50,
                          2e-3, 0.000000000000000000000000001],
              "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
              "literals": [null, true, false]
            }
            """,
            #"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#
                + #""string":"€$\u000f\nA'B\"\\\\\"/"}"#
        ),
        (
            #"""
            {"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One",
             "\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}
            """#,
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\","
                + "\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\u{FB33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        ),
        (#" "\u0008\u0009\u000A\u000C\u000D\u001f\u007f\u2028\/" "#, "\"\\b\\t\\n\\f\\r\\u001f\u{7F}\u{2028}/\""),
        (#"{"b":{"d":[],"c":{}},"a":[[1],null]}"#, #"{"a":[[1],null],"b":{"c":{},"d":[]}}"#),
    ])
    func writesTheFormOfTheRFC(_ json: String, _ expected: String) throws {
        #expect(try canonical(json) == expected)
        #expect(try canonical(expected) == expected)
    }

    /// RFC 8785, appendix B.
    @Test(
        arguments: [
            (0x0000_0000_0000_0000, "0"), (0x8000_0000_0000_0000, "0"), (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"), (0x7FEF_FFFF_FFFF_FFFF, "1.7976931348623157e+308"),
            (0xFFEF_FFFF_FFFF_FFFF, "-1.7976931348623157e+308"), (0x4340_0000_0000_0000, "9007199254740992"),
            (0xC340_0000_0000_0000, "-9007199254740992"), (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44B5_2D02_C7E1_4AF5, "9.999999999999997e+22"), (0x44B5_2D02_C7E1_4AF6, "1e+23"),
            (0x44B5_2D02_C7E1_4AF7, "1.0000000000000001e+23"), (0x444B_1AE4_D6E2_EF4E, "999999999999999700000"),
            (0x444B_1AE4_D6E2_EF4F, "999999999999999900000"), (0x444B_1AE4_D6E2_EF50, "1e+21"),
            (0x3EB0_C6F7_A0B5_ED8C, "9.999999999999997e-7"), (0x3EB0_C6F7_A0B5_ED8D, "0.000001"),
            (0x41B3_DE43_5555_5553, "333333333.3333332"), (0x41B3_DE43_5555_5554, "333333333.33333325"),
            (0x41B3_DE43_5555_5555, "333333333.3333333"), (0x41B3_DE43_5555_5556, "333333333.3333334"),
            (0x41B3_DE43_5555_5557, "333333333.33333343"), (0xBECB_F647_612F_3696, "-0.0000033333333333333333"),
            (0x4314_3FF3_C1CB_0959, "1424953923781206.2"),
        ] as [(UInt64, String)]
    )
    func writesNumbersAsECMAScriptDoes(_ bits: UInt64, _ expected: String) throws {
        #expect(try canonical("\(Double(bitPattern: bits))") == expected)
        #expect(try canonical(expected) == expected)
    }

    @Test(arguments: [
        ("-0", "0"), ("-0.0e5", "0"), ("1.0", "1"), ("1e2", "100"), ("100E-2", "1"), ("1e21", "1e+21"), ("123456789012345680000", nil),
        ("1e20", "100000000000000000000"), ("1e-6", "0.000001"), ("1e-7", "1e-7"), ("1e-400", "0"), ("-15e-8", "-1.5e-7"),
    ])
    func oneValueHasOneForm(_ json: String, _ expected: String?) throws {
        #expect(try canonical(json) == expected ?? json)
    }

    @Test(arguments: [
        ("", "is not valid JSON"), ("{}{}", "is not valid JSON"), (#"{"a":1,"\u0061":2}"#, "a member that the object has already"),
        (#"[{"a":{"b":1,"b":1}}]"#, "a member that the object has already"), (#""\ud800""#, "half a surrogate pair"),
        (#""\udc00\ud800""#, "half a surrogate pair"), ("1e400", "binary64), but has one at byte 0"),
        (#"{"a":[1, -1e309]}"#, "binary64), but has one at byte 9"), ("\u{FEFF}1", "is not valid JSON"), ("NaN", "is not valid JSON"),
        (String(repeating: "[", count: 65) + String(repeating: "]", count: 65), "more than 64"),
    ])
    func refusesWhatHasNoForm(_ json: String, _ words: String) throws {
        let error = try #require(fault(json))
        #expect(error.field == "action")
        #expect(error.message.contains(words), "\(error)")
    }

    @Test func theDeepestValueHasAForm() throws {
        let json = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(try canonical(json) == json)
    }

    /// What is written is read back as the same number.
    @Test func numbersKeepTheirValue() throws {
        var generator = SplitMix64(seed: 8785)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            let text = try canonical("\(value)")
            try #require(Double(text) == value, "\(value) became \(text)")
            try #require(try canonical(text) == text)
        }
    }

    /// The form is JSON with the same content, and the only one with that form is itself.
    @Test func mutatedTexts() throws {
        let seeds = [
            #"{"b":[1.50,{"d":"\u00e9","c":"\""}],"a":true,"\ud83d\ude00":-0,"\ufb33":1e21}"#,
            #"[{"amount":9007199254740993,"to":"acc-1"},[],{},null,"\u0000\u001f\u007f\/"]"#,
        ]
        try Fuzzer("canonical JSON", seeds: seeds, tokens: ["\\u0041", "\\b", "e21", "E-7", "5e-324", "{}", "[]"]).run { input in
            guard let form = try? CanonicalJSON.encode(input, field: "action") else { return }
            try expect((try? CanonicalJSON.encode(form, field: "action")) == form, "the form has another form")
            try expect(!form.contains(0x0A) && !form.contains(0x0D), "the form has more than one line")
        }
    }
}
