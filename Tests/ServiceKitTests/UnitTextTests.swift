import Testing

@testable import ServiceKit

@Suite struct UnitTextTests {
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

    @Test(arguments: [
        ("65536", 65_536), ("256KiB", 262_144), ("10GiB", 10 << 30), ("0", 0), ("64kB", 64_000), ("10GB", 10_000_000_000), ("1B", 1),
        ("1 MiB", 1 << 20), ("0.5KiB", 512), ("1.5GiB", 3 << 29), ("2tib", 2 << 40),
    ])
    func readsByteSizes(_ text: String, _ bytes: Int) {
        #expect(ByteSizeText.parse(text) == bytes)
    }

    @Test(arguments: ["", "KiB", "-1", "1.5", "0.3KiB", "10 Gigs", "1e6", "9000000TiB", "10GiBs", "1_000", "9223372036854775807.5TiB"])
    func refusesOtherByteSizes(_ text: String) {
        #expect(ByteSizeText.parse(text) == nil)
    }

    @Test(arguments: [(10 << 30, "10GiB"), (1500, "1500"), (0, "0"), (1536, "1536"), (262_144, "256KiB")])
    func showsByteSizes(_ bytes: Int, _ text: String) {
        #expect(ByteSizeText.show(bytes) == text)
        #expect(ByteSizeText.parse(text) == bytes)
    }
}
