import Testing

@testable import ServiceKit

@Suite struct LogRedactionTests {
    @Test(arguments: [
        ("nothing to hide", "nothing to hide"),
        ("", ""),
        ("token=", "token="),
        ("token=abc", "token=<redacted>"),
        ("?a=1&TOKEN=abc&b=2", "?a=1&TOKEN=<redacted>&b=2"),
        ("access_token=abc; x", "access_token=<redacted>; x"),
        ("token=a=b== rest", "token=<redacted> rest"),
        ("{\"url\":\"/x?token=abc\"}", "{\"url\":\"/x?token=<redacted>\"}"),
        ("token=abc,token=def", "token=<redacted>,token=<redacted>"),
        ("token = abc", "token = abc"),
        ("/x?ticket=abc&TICKET=def", "/x?ticket=<redacted>&TICKET=<redacted>"),
        ("a tkt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA b, tkt_", "a <redacted> b, tkt_"),
        ("tokens are fine, tok en=1", "tokens are fine, tok en=1"),
        ("before eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln after", "before <redacted> after"),
        ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "<redacted>"),
        ("heyJude", "heyJude"),
        ("/x?token=<redacted>&a=1 token=<redacted>", "/x?token=<redacted>&a=1 token=<redacted>"),
        ("token=<redacted>abc>d", "token=<redacted>>d"),
        ("ü token=ü🙂 ü", "ü token=<redacted> ü"),
    ])
    func hidesTokensAndNothingElse(_ text: String, _ shown: String) {
        #expect(LogRedaction.redacted(text) == shown)
    }

    @Test func aMessageThatIsCutKeepsNoToken() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0." + String(repeating: "A", count: 64)
        for start in 0..<40 {
            let text = String(repeating: "x", count: LogLine.maximumTextBytes - 60 + start) + " " + token
            #expect(!LogLine.text(text).contains("eyJhbGciOiJIUzI1"))
        }
    }
}
