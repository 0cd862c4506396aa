import Basics
import Foundation
import TestKit
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-04-01T14:32:10Z", 1_711_981_930_000),
        ("2024-04-01t14:32:10z", 1_711_981_930_000),
        ("2024-04-01T16:32:10+02:00", 1_711_981_930_000),
        ("2024-04-01T09:02:10-05:30", 1_711_981_930_000),
        ("2024-04-01T14:32:10.5Z", 1_711_981_930_500),
        ("2024-04-01T14:32:10.1239999999Z", 1_711_981_930_123),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T18:59:60.7-05:00", 1_483_228_800_000),
    ])
    func parses(_ text: String, _ milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.millisecondsSinceEpoch == milliseconds)
    }

    @Test(arguments: [
        "", "2024", "2024-04-01", "2024-04-01T14:32:10", "2024-04-01 14:32:10Z", "2024-04-01T14:32Z", "2024-04-01T14:32:10.Z",
        "2024-04-01T14:32:10,5Z", "2024-04-01T14:32:10+0200", "2024-04-01T14:32:10+02", "2024-04-01T14:32:10Z ", " 2024-04-01T14:32:10Z",
        "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-04-31T00:00:00Z", "2024-04-00T00:00:00Z", "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z", "2024-04-01T24:00:00Z", "2024-04-01T14:60:00Z", "2024-04-01T14:32:61Z", "2024-04-01T14:32:60Z",
        "2024-04-01T23:59:60+01:00", "2024-04-01T14:32:10+24:00", "2024-04-01T14:32:10+02:60", "+2024-04-01T14:32:10Z",
        "24-04-01T14:32:10Z", "2024-4-1T14:32:10Z", "２024-04-01T14:32:10Z", "2024-04-01T14:32:10\u{0}Z",
    ])
    func refuses(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_711_981_930_007, "2024-04-01T14:32:10.007Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
        (8_640_000_000_000_000, "+275760-09-13T00:00:00.000Z"),
    ])
    func prints(_ milliseconds: Int64, _ text: String) {
        #expect(Timestamp(millisecondsSinceEpoch: milliseconds).iso8601 == text)
    }

    @Test(arguments: [Int64.min, .max])
    func printsExtremes(_ milliseconds: Int64) {
        #expect(Timestamp(millisecondsSinceEpoch: milliseconds).iso8601.hasSuffix("Z"))
    }

    @Test(arguments: [(1_711_981_930_007_999_999, 1_711_981_930_007), (-1, -1), (-1_000_000, -1), (-1_000_001, -2), (0, 0)])
    func dropsNanoseconds(_ nanoseconds: Int64, _ milliseconds: Int64) {
        #expect(Timestamp(nanosecondsSinceEpoch: nanoseconds).millisecondsSinceEpoch == milliseconds)
    }

    @Test func agreesWithFoundation() throws {
        var generator = SplitMix64(seed: 1)
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        // From 1600, when Foundation has left the Julian calendar behind, to 9999.
        for _ in 0..<2000 {
            let milliseconds = Int64.random(in: -11_676_096_000_000...253_402_300_799_999, using: &generator)
            let text = Timestamp(millisecondsSinceEpoch: milliseconds).iso8601
            let date = try #require(formatter.date(from: text), "\(text)")
            #expect((date.timeIntervalSince1970 * 1000).rounded() == Double(milliseconds))
            #expect(formatter.string(from: Date(timeIntervalSince1970: Double(milliseconds) / 1000 + 0.0001)) == text)
            #expect(Timestamp(rfc3339: text)?.millisecondsSinceEpoch == milliseconds)
        }
    }

    @Test func readsAnyOffset() throws {
        var generator = SplitMix64(seed: 2)
        for _ in 0..<500 {
            let milliseconds = Int64.random(in: 0...4_102_444_800_000, using: &generator)
            let minutes = Int64.random(in: -1439...1439, using: &generator)
            let local = Timestamp(millisecondsSinceEpoch: milliseconds + minutes * 60_000).iso8601.dropLast()
            func two(_ number: Int64) -> String { (number < 10 ? "0" : "") + String(number) }
            let text = "\(local)\(minutes < 0 ? "-" : "+")\(two(abs(minutes) / 60)):\(two(abs(minutes) % 60))"
            #expect(Timestamp(rfc3339: text)?.millisecondsSinceEpoch == milliseconds, "\(text)")
        }
    }

    @Test func ordersByInstant() {
        #expect(Timestamp(millisecondsSinceEpoch: -5) < Timestamp(millisecondsSinceEpoch: 3))
    }

    @Test(
        "What an offset or a leap second carries out of the years 0 to 9999 cannot be written again",
        arguments: [
            "9999-12-31T23:59:60Z", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+00:01",
        ]
    )
    func outOfYears(_ text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test(
        "Instants as nats-server writes them, exact to the nanosecond",
        arguments: [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-21T07:19:14.898177445Z", 1_795_245_554_898_177_445),
            ("2024-02-29T23:59:59.5Z", 1_709_251_199_500_000_000),
            ("2000-03-01T00:00:00.000000001Z", 951_868_800_000_000_001),
            ("2024-04-01T16:32:10.123+02:00", 1_711_981_930_123_000_000),
            ("2024-04-01T09:02:10-05:30", 1_711_981_930_000_000_000),
            ("2024-04-01T00:00:00.0123456780Z", 1_711_929_600_012_345_678),
            ("2554-07-21T23:34:33.709551615Z", .max),
            ("0001-01-01T00:00:00Z", nil), ("2554-07-21T23:34:33.709551616Z", nil), ("9999-12-31T23:59:59Z", nil),
            ("2024-04-01", nil), ("2024-13-01T00:00:00Z", nil), ("2024-04-01T24:00:00Z", nil), ("2024-04-01T00:00:00", nil),
            ("2024-04-01T00:00:00.Z", nil), ("2024-04-01T00:00:00.0123456789Z", nil), ("2024-04-01T00:00:00Zx", nil), ("", nil),
        ] as [(String, UInt64?)]
    )
    func nanoseconds(text: String, nanoseconds: UInt64?) {
        #expect(RFC3339.nanosecondsSinceEpoch(text) == nanoseconds)
    }

    @Test func advancesToTheEndsOfItsRangeAndNoFurther() {
        let time = Timestamp(millisecondsSinceEpoch: 1000)
        #expect(time.advanced(by: .seconds(-2)).millisecondsSinceEpoch == -1000)
        #expect(time.advanced(by: .seconds(Int64.max)).millisecondsSinceEpoch == .max)
        #expect(Timestamp(millisecondsSinceEpoch: -1000).advanced(by: .seconds(Int64.min)).millisecondsSinceEpoch == .min)
    }

    @Test func readsDatesOfHTTP() {
        #expect(Timestamp(httpDate: "Sun, 06 Nov 1994 08:49:37 GMT")?.iso8601 == "1994-11-06T08:49:37.000Z")
        for text in ["Mon, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC"] {
            #expect(Timestamp(httpDate: text) == nil, "\(text)")
        }
    }

    @Test func nowIsTheMachinesTime() {
        let before = SystemClock.now()
        let now = Timestamp.now.millisecondsSinceEpoch
        #expect((before...SystemClock.now()).contains(now))
        #expect(now > 1_700_000_000_000)
    }
}
