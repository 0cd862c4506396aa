import Basics
import Testing

@Suite struct DurationTests {
    @Test(
        arguments: [
            (.seconds(120), 120_000_000_000), (.nanoseconds(7), 7), (.seconds(-1), -1_000_000_000), (.nanoseconds(-7), -7),
            (Duration(secondsComponent: 0, attosecondsComponent: 1_999_999_999), 1),
            (.seconds(Int64.max), .max), (.seconds(Int64.min), .min),
            (.nanoseconds(Int64.max), .max), (.nanoseconds(Int64.min), .min), (.nanoseconds(Int64.max) + .nanoseconds(1), .max),
        ] as [(Duration, Int64)]
    )
    func nanoseconds(duration: Duration, nanoseconds: Int64) {
        #expect(duration.nanoseconds == nanoseconds)
    }

    @Test(
        arguments: [
            (.seconds(2), 2000), (.milliseconds(-7), -7), (.microseconds(1999), 1), (.microseconds(-1999), -1), (.zero, 0),
            (.seconds(Int64.max), .max), (.seconds(Int64.min), .min), (.milliseconds(Int64.max), .max),
        ] as [(Duration, Int64)]
    )
    func milliseconds(duration: Duration, milliseconds: Int64) {
        #expect(duration.milliseconds == milliseconds)
    }
}
