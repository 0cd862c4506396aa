import Basics
import EventModel
import TestKit
import Testing

@testable import ServiceKit

@Suite("Messages of surveys") struct SurveyTests {
    @Test("a question is read as it was written")
    func question() throws {
        let place = try #require(SurveyPlace("01K.1-20"))
        for question in [
            SurveyQuestion(tenant: "acme"), SurveyQuestion(tenant: "a \"b\".c", user: "ann", limit: 7, place: place),
        ] {
            #expect(SurveyQuestion(json: try question.json()) == question)
        }
    }

    @Test(
        "a question that cannot be is ignored",
        arguments: [
            "", "{}", "[]", #"{"tenant":"acme"}"#, #"{"tenant":"","limit":1}"#, #"{"tenant":"a","tenant":"b","limit":1}"#,
            #"{"tenant":"acme","limit":"1"}"#, #"{"tenant":"acme","user":"","limit":1}"#,
        ]
    )
    func malformed(_ text: String) {
        #expect(SurveyQuestion(json: Array(text.utf8)) == nil)
    }

    @Test("a question's limit is within bounds, and its place is one")
    func bounds() {
        func limit(_ number: String) -> Int? { SurveyQuestion(json: Array(#"{"tenant":"a","limit":\#(number)}"#.utf8))?.limit }
        #expect(limit("0") == 1 && limit("-5") == 1 && limit("200") == 200 && limit("100000") == 200)
        let padded = #"{"tenant":"a","limit":1,"pad":"\#(String(repeating: "x", count: SurveyQuestion.maximumBytes))"}"#
        #expect(SurveyQuestion(json: Array(padded.utf8)) == nil)
        #expect(SurveyQuestion(json: Array(#"{"tenant":"a","limit":1,"place":"x"}"#.utf8))?.place == nil)
    }

    @Test("a place is read as it was written", arguments: ["01K.0-0", "A1b2.4294967295-1"])
    func place(_ text: String) {
        #expect(SurveyPlace(text)?.description == text)
    }

    @Test(
        "what is no place is refused",
        arguments: [
            "", ".", "01K", "01K.", "01K.1", "01K.1-", "01K.-1-1", "01K.1-+1", "01K.1-4294967296", "0 1.1-1", ".1-1", "01K.1-1.2", "é.1-1",
        ]
    )
    func noPlace(_ text: String) {
        #expect(SurveyPlace(text) == nil)
    }

    @Test("a report is read as it was written, without the topics of later versions")
    func report() throws {
        let report = SurveyReport(instance: "01K", program: "sse-edge", topics: [.connections, .usage], isLeaving: true)
        #expect(SurveyReport(json: try report.json()) == report)
        let later = #"{"instance":"01K","program":"p","topics":["usage","weather"],"leaving":false,"more":1}"#
        #expect(SurveyReport(json: Array(later.utf8)) == SurveyReport(instance: "01K", program: "p", topics: [.usage]))
        for text in [
            "{}", later.replacing("01K", with: "0.1"), later.replacing(#""p""#, with: #""""#), later.replacing("false", with: "0"),
        ] {
            #expect(SurveyReport(json: Array(text.utf8)) == nil, "\(text)")
        }
    }

    @Test("a share says its use, and omits an absent limit")
    func shares() {
        let shares = TenantShares()
        shares.add { .places("connections", taken: $0 == "acme" ? 3 : 0, limit: 10) }
        shares.add { _ in .rate("events", lastMinute: 90, limit: (burst: 100, left: 30, perSecond: 10)) }
        shares.add { _ in .rate("bytes", lastMinute: 7, limit: nil) }
        shares.add { _ in .places("places", taken: 1, limit: 0) }
        let uses = shares.uses(of: "acme")
        #expect(uses.map(\.name) == ["connections", "events", "bytes", "places"])
        #expect(uses.map(\.used) == [3, 70, nil, 1] && uses.map(\.limit) == [10, 100, nil, nil])
        #expect(uses.map(\.perSecond) == [nil, 10, nil, nil] && uses.map(\.lastMinute) == [nil, 90, 7, nil])
        #expect(shares.uses(of: "globex").first?.used == 0)
    }

    @Test("the use of the limit of requests is what the middleware has admitted")
    func requests() throws {
        let usage = TenantUsage()
        usage.add(2, of: "acme")
        let limited = RateLimitMiddleware(RateLimit(perMinute: 600, burst: 50), usage: usage)
        #expect(limited.use(of: "acme") == ShareUse(name: "requests", used: 0, limit: 50, perSecond: 10, lastMinute: 2))
        #expect(RateLimitMiddleware(nil, usage: usage).use(of: "globex") == ShareUse(name: "requests", lastMinute: 0))
    }
}
