import ArgumentParser
import Basics
import TestKit
import Testing

@testable import OperatorCommands

@Suite struct TokenCommandTests {
    /// {"alg":"none"} . {"sub":"ann","iat":1000,"exp":4600} . signature
    private static let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJpYXQiOjEwMDAsImV4cCI6NDYwMH0.c2lnbmF0dXJl"

    @Test func aTokenIsDecodedAndNotTrusted() throws {
        let content = try #require(TokenContent(Self.token))
        let text = content.text(now: Timestamp(millisecondsSinceEpoch: 1_600_000))
        #expect(
            text == """
                not verified: anybody can write such a token
                header   {"alg":"none"}
                claims   {"sub":"ann","iat":1000,"exp":4600}
                issued   1970-01-01T00:16:40.000Z, issued 10 min ago
                expires  1970-01-01T01:16:40.000Z, expires in 50 min
                """
        )
        #expect(content.json == #"{"verified":false,"header":{"alg":"none"},"claims":{"sub":"ann","iat":1000,"exp":4600}}"#)
        #expect(content.text(now: Timestamp(millisecondsSinceEpoch: 8_200_000)).hasSuffix("expired 60 min ago"))
        for text in ["", "a.b", "a.b.c", "eyJhbGciOiJub25lIn0.e30"] { #expect(TokenContent(text) == nil) }
    }

    @Test func aRevocationHasWhatItsOptionsSay() throws {
        let now = Timestamp(millisecondsSinceEpoch: 0)
        func body(_ arguments: [String]) throws -> String {
            let request = try RevokeTokensCommand.parse(arguments).request(now: now)
            #expect(request.address == "/v1/tokens/revocations" && request.method == .post)
            return String(decoding: request.body ?? [], as: UTF8.self)
        }
        #expect(try body(["--jti", "a"]) == #"{"jti":"a"}"#)
        #expect(try body(["--user", "ann"]) == #"{"sub":"ann","issuedBefore":"1970-01-01T00:00:00.000Z"}"#)
        let whole = try body(["--user", "ann", "--issued-before", "2024-04-01T14:32:10Z", "--tenant", "acme"])
        #expect(whole == #"{"sub":"ann","issuedBefore":"2024-04-01T14:32:10Z","tenant":"acme"}"#)
        for arguments in [[], ["--jti", "a", "--user", "b"], ["--jti", "a", "--issued-before", "2024-04-01T14:32:10Z"]] {
            #expect(throws: (any Error).self) { try RevokeTokensCommand.parse(arguments) }
        }
        #expect(throws: (any Error).self) { try RevokeTokensCommand.parse(["--user", "a", "--issued-before", "now"]) }
    }
}
