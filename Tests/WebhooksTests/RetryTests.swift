import Basics
import TestKit
import Testing

@testable import Webhooks

/// When a failed delivery is tried again.
@Suite("Retries") struct RetryTests {
    private static let now = Timestamp(millisecondsSinceEpoch: 1_800_000_000_000)

    @Test(
        "The schedule of the contract",
        arguments: [
            (1, Int64(5)), (2, 300), (3, 1800), (4, 7200), (5, 18_000), (6, 36_000), (7, 50_400), (8, 72_000), (9, 86_400),
        ]
    )
    func delay(_ failures: Int, _ seconds: Int64) throws {
        let exact = Duration.seconds(seconds)
        #expect(try #require(RetrySchedule.delay(afterFailures: failures, random: 0)).milliseconds == (exact * 0.9).milliseconds)
        #expect(try #require(RetrySchedule.delay(afterFailures: failures, random: 0.5)).milliseconds == exact.milliseconds)
        let longest = try #require(RetrySchedule.delay(afterFailures: failures, random: 1.0.nextDown))
        #expect(longest > exact * 1.099 && longest <= exact * 1.1)
    }

    @Test("Outside of the schedule there is no delay", arguments: [Int.min + 1, -1, 0, 10, 11, Int.max])
    func noDelay(_ failures: Int) { #expect(RetrySchedule.delay(afterFailures: failures, random: 0.5) == nil) }

    @Test func whatIsAskedForIsNeverShortened() {
        for random in [0, 0.5, 1.0.nextDown] {
            let delay = RetrySchedule.delay(asked: .seconds(60), random: random)
            #expect(delay >= .seconds(60) && delay < .seconds(67))
        }
        #expect(RetrySchedule.delay(asked: .zero, random: 0) == .seconds(1))
    }

    @Test(
        "Retry-After",
        arguments: [
            ("0", Int64(0)), ("120", 120_000), (" 7\t", 7000), ("086400", 86_400_000), ("86401", 86_400_000),
            ("99999999999999999999999", 86_400_000),
            ("Fri, 15 Jan 2027 08:01:00 GMT", 60_000), ("Fri, 15 Jan 2027 07:59:59 GMT", 0), ("Thu, 31 Dec 9998 23:59:59 GMT", 86_400_000),
        ]
    )
    func retryAfter(_ text: String, _ milliseconds: Int64) {
        #expect(RetryAfter.parse(text, at: Self.now)?.milliseconds == milliseconds)
    }

    @Test(
        "What is no Retry-After",
        arguments: [
            "", " ", "-1", "+1", "1.5", "1 2", "soon", "0x10", "１", "Fri, 15 Jan 2027 08:01:00 UTC", "Thu, 15 Jan 2027 08:01:00 GMT",
            "Fri, 32 Jan 2027 08:01:00 GMT", "Friday, 15-Jan-27 08:01:00 GMT", "Fri Jan 15 08:01:00 2027", "Fri, 15 Jan 2027 08:01 GMT",
            "2027-01-15T08:01:00Z",
        ]
    )
    func noRetryAfter(_ text: String) { #expect(RetryAfter.parse(text, at: Self.now) == nil) }

    @Test func fuzzedRetryAfterIsInItsBounds() throws {
        try Fuzzer("Retry-After", seeds: ["120", "Fri, 15 Jan 2027 08:01:00 GMT"], tokens: [" GMT", "Fri, ", "2027", "Jan"]).run { bytes in
            guard let text = String(validating: bytes, as: UTF8.self) else { return }
            guard let delay = RetryAfter.parse(text, at: Self.now) else { return }
            try expect(delay >= .zero && delay <= RetryAfter.maximum, "\(delay)")
        }
    }
}
