import Basics
import TestKit
import Testing

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("30s", Duration.seconds(30)), ("500ms", .milliseconds(500)), ("2m", .seconds(120)), ("1h", .seconds(3600)),
        ("7d", .seconds(7 * 86_400)), ("15", .seconds(15)), ("0", .zero), ("0.1", .milliseconds(100)), ("1.5s", .milliseconds(1500)),
        ("0.25h", .seconds(900)), ("30 s", .seconds(30)), ("30S", .seconds(30)), ("250us", .microseconds(250)), ("1ns", .nanoseconds(1)),
        ("0.000000001", .nanoseconds(1)),
    ])
    func readsDurations(_ text: String, _ duration: Duration) {
        #expect(DurationText.parse(text) == duration)
    }

    @Test(arguments: [
        "", "s", "-1s", "+1s", "1h30m", "30 sec", "1e3", "1.", ".5s", "1..5s", "1.5ns", "0.0000000001", "1,5s", "∞", "٣s",
        "99999999999999999999",
        "300y", "400000d", "0x10", "9223372036854775807.000000001d", "9223372036854775807.5d",
    ])
    func refusesOtherDurations(_ text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: [
        (Duration.seconds(30), "30s"), (.milliseconds(1500), "1500ms"), (.seconds(120), "2m"), (.seconds(86_400), "1d"), (.zero, "0s"),
        (.nanoseconds(1), "1ns"), (.seconds(-3), "0s"),
    ])
    func showsDurations(_ duration: Duration, _ text: String) {
        #expect(DurationText.show(duration) == text)
        #expect(DurationText.parse(text) == max(duration, .zero))
    }

    @Test func mutatedDurations() throws {
        let seeds = ["500ms", "30s", "2m", "1h", "7d", "1.5s", "0", "9223372036854775807ns", "106751d"]
        try Fuzzer("durations", seeds: seeds, tokens: ["ms", "us", "ns", "d", "h", " ", ".", "１"]).run { input in
            guard let text = String(validating: input, as: UTF8.self), let duration = DurationText.parse(text) else { return }
            try expect(duration >= .zero, "\(text) is \(duration)")
            try expect(DurationText.parse(DurationText.show(duration)) == duration, "\(text) is shown as \(DurationText.show(duration))")
        }
    }
}
