import Basics
import Testing

@testable import AccessControl

@Suite("Credential")
struct CredentialTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var authorization: [String] = []
        var query: [String] = []
        var token: String?
        var reason: AuthenticationError.Reason?

        var testDescription: String { "\(authorization) \(query)" }
    }

    @Test(arguments: [
        Case(authorization: ["Bearer a.b.c"], token: "a.b.c"),
        Case(authorization: ["bearer a.b.c"], token: "a.b.c"),
        Case(authorization: ["BEARER   a.b.c  "], token: "a.b.c"),
        Case(authorization: ["Bearer a-._~+/="], token: "a-._~+/="),
        Case(query: ["a.b.c"], token: "a.b.c"),
        Case(authorization: ["Bearer header"], query: ["query"], token: "header"),
        Case(reason: .missing),
        Case(query: [""], reason: .missing),
        Case(authorization: [""], query: ["query"], reason: .malformed),
        Case(authorization: ["Bearer"], query: ["query"], reason: .malformed),
        Case(authorization: ["Bearer "], query: ["query"], reason: .malformed),
        Case(authorization: ["Bearer a b"], query: ["query"], reason: .malformed),
        Case(authorization: ["Bearer a,b"], reason: .malformed),
        Case(authorization: ["Bearer é"], reason: .malformed),
        Case(authorization: ["Bearer\ta"], reason: .malformed),
        Case(authorization: ["Basic dTpw"], query: ["query"], reason: .malformed),
        Case(authorization: ["a.b.c"], reason: .malformed),
        Case(authorization: ["Bearer a", "Bearer b"], reason: .malformed),
        Case(query: ["a", "b"], reason: .malformed),
    ])
    func bearer(_ testCase: Case) {
        do throws(AuthenticationError) {
            #expect(try Credential.bearer(authorization: testCase.authorization, queryTokens: testCase.query) == testCase.token)
        } catch {
            #expect(error.reason == testCase.reason)
        }
    }

    @Test func singleValues() throws {
        #expect(try Credential.bearer(authorization: "Bearer a", queryToken: "b") == "a")
        #expect(try Credential.bearer(authorization: nil, queryToken: "b") == "b")
        #expect(throws: AuthenticationError.self) { try Credential.bearer(authorization: String?.none, queryToken: nil) }
    }
}

@Suite("Redaction")
struct RedactionTests {
    @Test(arguments: [
        ("/v1/stream", "/v1/stream"),
        ("/v1/stream?token=abc", "/v1/stream?token=<redacted>"),
        ("/v1/stream?a=1&token=abc&b=2", "/v1/stream?a=1&token=<redacted>&b=2"),
        ("/v1/stream?access_token=abc", "/v1/stream?access_token=<redacted>"),
        ("/?%74oken=abc", "/?%74oken=<redacted>"),
        ("/?%74%6F%6b%65%6E=abc", "/?%74%6F%6b%65%6E=<redacted>"),
        ("/?tok%65n=abc%26d", "/?tok%65n=<redacted>"),
        ("/?access%5Ftoken=abc", "/?access%5Ftoken=<redacted>"),
        ("/?Token=abc&ACCESS_TOKEN=d", "/?Token=<redacted>&ACCESS_TOKEN=<redacted>"),
        ("/?+token=abc", "/?+token=<redacted>"),
        ("/?token%20=abc", "/?token%20=<redacted>"),
        ("/?token=a&token=b", "/?token=<redacted>&token=<redacted>"),
        ("/?token=a=b", "/?token=<redacted>"),
        ("/?token=", "/?token=<redacted>"),
        ("/?a=1;token=abc", "/?a=1;token=<redacted>"),
        ("/?a=1?token=abc", "/?a=1?token=<redacted>"),
        ("/#token=abc", "/#token=<redacted>"),
        ("/?tokens=abc&mytoken=d", "/?tokens=abc&mytoken=d"),
        ("/?%zz=1&token=abc", "/?%zz=1&token=<redacted>"),
        ("/?token", "/?token"),
        ("/v1/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln/x", "/v1/<redacted>/x"),
        ("/?tokn=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln&b=2", "/?tokn=<redacted>&b=2"),
        ("/?key=eyJ", "/?key=eyJ"),
        ("", ""),
        ("?", "?"),
        ("&&", "&&"),
    ])
    func target(_ target: String, _ shown: String) {
        #expect(Redaction.redacted(target: target) == shown)
    }

    @Test func isBounded() {
        let shown = Redaction.redacted(target: "/" + String(repeating: "a", count: 100_000) + "?token=abc")
        #expect(shown.utf8.count < 2100)
    }

    @Test func textsLoseTheirTokens() {
        #expect(Redaction.redacted(text: "no eyJhbGciOiJIUzI1NiJ9.e30.c2ln here") == "no <redacted> here")
        #expect(Redaction.redacted(text: "connection refused (errno: 111)") == "connection refused (errno: 111)")
    }
}

@Suite("Percent-encoding")
struct PercentEncodingTests {
    @Test(arguments: [
        ("", ""), ("abc", "abc"), ("a+b", "a b"), ("%41%62", "Ab"), ("%2B%25", "+%"), ("%C3%A9", "é"), ("%c3%a9", "é"),
        ("%", nil), ("a%4", nil), ("%4g", nil), ("%%41", nil), ("%é", nil),
    ])
    func strictly(_ text: String, _ decoded: String?) {
        #expect(PercentEncoding.strictlyDecoded(text.utf8).map { String(decoding: $0, as: UTF8.self) } == decoded)
    }

    @Test(arguments: [("%", "%"), ("a%4", "a%4"), ("%4g%41", "%4gA"), ("%%41", "%A")])
    func leniently(_ text: String, _ decoded: String) {
        #expect(String(decoding: PercentEncoding.leniently(text.utf8), as: UTF8.self) == decoded)
    }
}
