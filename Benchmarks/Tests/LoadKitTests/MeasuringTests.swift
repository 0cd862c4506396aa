import Glibc
import Testing

@testable import LoadKit

@Suite struct MeasuringTests {
    @Test func percentilesAreAtMostATwentiethOff() {
        var histogram = LatencyHistogram()
        for value in UInt64(1)...100_000 { histogram.record(value * 1000) }
        for share in [0.01, 0.5, 0.9, 0.99] {
            let exact = 100_000_000 * share
            let found = Double(histogram.quantile(share))
            #expect(found >= exact && found <= exact * 1.05, "\(share): \(found)")
        }
        #expect(histogram.quantile(1) == 100_000_000)
        #expect(histogram.maximum == 100_000_000)
    }

    @Test(arguments: [0, 1, 31, 32, 63, 64, 1_000_003, UInt64.max])
    func aSingleValueIsEveryPercentile(value: UInt64) {
        var histogram = LatencyHistogram()
        histogram.record(value)
        #expect(histogram.quantile(0.5) == value)
        #expect(histogram.quantile(1) == value)
    }

    @Test func ofNothingThereIsNoPercentile() {
        #expect(LatencyHistogram().quantile(0.99) == 0)
    }

    @Test func mergedHistogramsCountBoth() {
        var low = LatencyHistogram()
        var high = LatencyHistogram()
        for _ in 0..<99 { low.record(10) }
        high.record(5000)
        low.merge(high)
        #expect(low.count == 100)
        #expect(low.quantile(0.99) == 10)
        #expect(low.quantile(1) == 5000)
    }

    @Test func aProcessThatWorksIsCharged() throws {
        let meter = ProcessMeter(processID: getpid())
        let before = try meter.processorTime()
        #expect(
            try MonotonicClock.wait(10_000_000_000, every: 0) { () throws(LoadError) in try meter.processorTime() > before + 20_000_000 }
        )
        #expect(try meter.residentBytes() > 1 << 20)
    }

    @Test func aProcessThatIsNotThereIsSaidSo() {
        let meter = ProcessMeter(processID: ProcessMeter.maximumProcessID)
        #expect(throws: LoadError.self) { try meter.processorTime() }
        #expect(throws: LoadError.self) { try meter.residentBytes() }
    }

    @Test(arguments: [
        (0.0, 0, "0"), (1234567.4, 0, "1,234,567"), (0.0754, 3, "0.075"), (-3.5, 0, "-4"), (-0.01, 1, "0.0"), (999.96, 1, "1,000.0"),
    ])
    func figuresAreRoundedAndGrouped(value: Double, digits: Int, text: String) {
        #expect(Figure.text(value, digits: digits) == text)
    }

    @Test func mediansAreInTheMiddle() {
        #expect(Figure.median([]) == nil)
        #expect(Figure.median([3, 1, 2]) == 2)
        #expect(Figure.median([4, 1]) == 2.5)
        #expect(Figure.spread([1.1, 1.0, 1.3]) == "1.10 (1.00–1.30)")
    }
}
