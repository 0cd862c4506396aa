import AccessControl
import Basics
import EventModel
import TestKit
import Testing

@testable import approval_api

@Suite struct RevocationRequestTests {
    private static let now = Timestamp(millisecondsSinceEpoch: 1_711_981_930_000)

    private func request(_ body: String) throws(ValidationError) -> RevocationRequest {
        try RevocationRequest(Array(body.utf8), now: Self.now)
    }

    @Test func aTokenOrAUserIsNamed() throws {
        #expect(try request(#"{"jti":"a"}"#).target == .token("a"))
        let user = try request(#"{"sub":"ann","issuedBefore":"2024-04-01T14:32:10Z","tenant":"globex"}"#)
        #expect(user.target == .user("ann", issuedBefore: 1_711_981_930_000) && user.tenant == "globex")
    }

    @Test(arguments: [
        ("{}", "jti"), (#"{"jti":""}"#, "jti"),
        (#"{"jti":1}"#, "jti"), (#"{"jti":"a","sub":null}"#, "sub"),
        (#"{"jti":"a","sub":"b"}"#, "sub"),
        (#"{"sub":"b"}"#, "issuedBefore"),
        (#"{"jti":"a","issuedBefore":"2024-04-01T14:32:10Z"}"#, "issuedBefore"), (#"{"sub":"b","issuedBefore":"today"}"#, "issuedBefore"),
        (#"{"sub":"b","issuedBefore":"2024-04-01T14:32:10.001Z"}"#, "issuedBefore"), (#"{"jti":"a","exp":1}"#, "exp"),
        (#"{"jti":"a","tenant":""}"#, "tenant"), ("[]", "body"), (#"{"jti":"a","jti":"b"}"#, "body"),
    ])
    func whatIsNotValidIsNamed(_ body: String, field: String) {
        let error = #expect(throws: ValidationError.self) { try request(body) }
        #expect(error?.description.hasPrefix(field) == true, "\(error?.description ?? "")")
    }
}
