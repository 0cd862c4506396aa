import Testing

@testable import event_producer

@Suite struct PaceTests {
    private let start = ContinuousClock.now

    @Test func keepsTheRateHoweverLongEventsTake() {
        var pace = Pace(rate: 4, start: start)
        var now = start
        for index in 0..<100 {
            let due = pace.next(now: now)
            #expect(due == start.advanced(by: .milliseconds(250 * index)))
            // Each event is late, just within the limit for catching up.
            now = due.advanced(by: .milliseconds(990))
        }
    }

    @Test func doesNotCatchUpAfterAnOutage() {
        var pace = Pace(rate: 4, start: start)
        _ = pace.next(now: start)
        let back = start.advanced(by: .seconds(60))
        #expect(pace.next(now: back) == back)
        #expect(pace.next(now: back) == back.advanced(by: .milliseconds(250)))
    }
}
